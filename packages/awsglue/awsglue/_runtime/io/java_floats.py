"""The digits of doubles and floats as Java 8 to 17 write them, which are not always the shortest that tell them apart.

Pure functions. Most values have the shortest digits there, too; those that may not are worked out here step by step:
digit by digit until what is left is less than half the distance to the next value, which is what is to be told apart.
"""

from __future__ import annotations

import math
import struct

# Beyond these whole numbers have several texts, and below them digits are few.
_LARGEST = {53: 2.0**53, 24: 2.0**24}
_LEAST = {53: 1e-300, 24: 1e-37}
_BITS = 52


def shortest(value: float, precision: int) -> bool:
    """Whether a value of so many binary digits (53 or 24) surely has the shortest text."""
    size = abs(value)
    return _LEAST[precision] < size < _LARGEST[precision] and math.frexp(size)[0] != 0.5


def digits(value: float, precision: int) -> tuple[str, int]:
    """The digits of a positive finite value, and where its point is: 0.D1D2… times ten to it."""
    fraction, exponent, known = _parts(value, precision)
    zeros = (fraction & -fraction).bit_length() - 1
    wide = _BITS + 1 - zeros
    tiny = max(0, wide - exponent - 1)
    if tiny == 0 and exponent <= 62:
        return _whole(fraction, exponent, known)
    return _generated(fraction, exponent, known, tiny, zeros)


def _parts(value: float, precision: int) -> tuple[int, int, int]:
    """The fraction with its first bit in place 52, the exponent, and how many of its bits are known."""
    mantissa, power = math.frexp(value)
    fraction, exponent = int(mantissa * 2.0 ** (_BITS + 1)), power - 1
    lowest = -1022 if precision == _BITS + 1 else -126
    return fraction, exponent, precision - max(0, lowest - exponent)


def _whole(fraction: int, exponent: int, known: int) -> tuple[str, int]:
    number = fraction << (exponent - _BITS) if exponent >= _BITS else fraction >> (_BITS - exponent)
    dropped = 0
    spare = exponent - known - 1
    if spare > 1:
        dropped = len(str(1 << spare)) - 1
        unit = 10**dropped
        number, rest = divmod(number, unit)
        number += rest >= unit // 2 and dropped > 0
    text = str(number)
    return text.rstrip("0"), len(text) + dropped


def _generated(fraction: int, exponent: int, known: int, tiny: int, zeros: int) -> tuple[str, int]:
    wide = _BITS + 1 - zeros
    place = _estimated(fraction, exponent)
    fives, scale_fives = max(0, -place), max(0, place)
    twos, scale_twos = fives + tiny + exponent, scale_fives + tiny
    half = twos - known
    twos -= wide - 1
    common = min(twos, scale_twos)
    twos, scale_twos, half = twos - common, scale_twos - common, half - common
    if wide == 1:
        # The value below a power of two is half as far away as the one above.
        half -= 1
    if half < 0:
        twos, scale_twos, half = twos - half, scale_twos - half, 0
    rest = ((fraction >> zeros) * 5**fives) << twos
    scale = 5**scale_fives << scale_twos
    ten = scale * 10
    # In words what stops is past the margin, and a sum may leave its word; longer numbers stop at it.
    most = max(wide + twos + _bits_of(fives), scale_twos + 1 + _bits_of(scale_fives + 1))
    word = 32 if most < 32 else 64 if most < 64 else 0
    margin = (5**fives << half) * 10

    def ends(rest: int, margin: int) -> tuple[bool, bool]:
        if not word:
            return rest < margin, rest + margin >= ten
        if margin >> (word - 1):
            return True, True
        return rest < margin, ten < rest + margin < 1 << (word - 1)

    made: list[int] = []
    digit, rest = divmod(rest, scale)
    rest *= 10
    low, high = ends(rest, margin)
    if digit == 0 and not high:
        place -= 1
    else:
        made.append(digit)
    if not -3 <= place < 8:
        # With an exponent there are two digits at least.
        low = high = False
    while not low and not high:
        digit, rest = divmod(rest, scale)
        rest *= 10
        margin *= 10
        low, high = ends(rest, margin)
        made.append(digit)
    number = int("".join(map(str, made)))
    if high and (not low or 2 * rest > ten or (2 * rest == ten and made[-1] & 1)):
        number += 1
    text = str(number)
    return text.rstrip("0"), place + 1 + len(text) - len(made)


def _bits_of(fives: int) -> int:
    """How many bits a power of five takes, as it is reckoned there."""
    if fives >= 27:
        return fives * 3
    return (5**fives).bit_length() if fives else 0


def _estimated(fraction: int, exponent: int) -> int:
    """The power of ten of the first digit, or one more."""
    bits = (1023 << _BITS) | (fraction & ((1 << _BITS) - 1))
    unit: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return math.floor((unit - 1.5) * 0.289529654 + 0.176091259 + exponent * 0.301029995663981)
