"""Single values between text and Spark types, by Java's rules: numbers, booleans, decimals. Pure functions."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

from awsglue._runtime.io import java_floats

_INT = re.compile(r"[+-]?[0-9]+\Z")
_DOUBLE = re.compile(r"[+-]?(NaN|Infinity|((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)[dDfF]?)\Z", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_WIDE = Context(prec=200)

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}


def parse_int(text: str, bits: int) -> int | None:
    """Java's Integer.parseInt and its relatives: no blanks, no underscores, in range."""
    if not _INT.match(text):
        return None
    value = int(text)
    return value if -(1 << (bits - 1)) <= value < (1 << (bits - 1)) else None


def parse_double(text: str) -> float | None:
    """Java's Double.parseDouble: blanks around are fine, a d or f suffix too."""
    value = text.strip("".join(map(chr, range(33))))
    if not _DOUBLE.match(value):
        return None
    return float(value if value[-1] in "Ny" else value.rstrip("dDfF"))


def parse_decimal(text: str) -> Decimal | None:
    """Java's new BigDecimal(text)."""
    return Decimal(text) if _DECIMAL.match(text) else None


def fit_decimal(value: Decimal, precision: int, scale: int) -> Decimal | None:
    """Rounded half up to the scale; None when it has too many digits then."""
    try:
        rounded = value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP, context=_WIDE)
    except InvalidOperation:
        return None
    return rounded if len(rounded.as_tuple().digits) <= precision or not rounded else None


def parse_boolean(text: str) -> bool | None:
    lower = text.lower()
    return True if lower == "true" else False if lower == "false" else None


def java_double(value: float) -> str:
    """Double.toString of Java 8 to 17: 1.0, 1.0E10, 1.0E-5, NaN, Infinity."""
    return _java_float(value, 53, repr(value))


def java_float(value: float) -> str:
    """Float.toString of a 32-bit value."""
    import numpy

    single = numpy.float32(value)
    return _java_float(float(single), 24, str(single))


def _java_float(value: float, precision: int, brief: str) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if str(value).startswith("-") else "0.0"
    lead, size = "-" if value < 0 else "", abs(value)
    if java_floats.shortest(size, precision):
        _, numbers, exponent = Decimal(brief).as_tuple()
        text = "".join(map(str, numbers)).rstrip("0") or "0"
        point = len(numbers) + int(exponent)
    else:
        text, point = java_floats.digits(size, precision)
    if -3 < point < 8:
        if point <= 0:
            return f"{lead}0.{'0' * -point}{text}"
        whole, fraction = text[:point].ljust(point, "0"), text[point:] or "0"
        return f"{lead}{whole}.{fraction}"
    return f"{lead}{text[0]}.{text[1:] or '0'}E{point - 1}"
