"""Values of whole statements as SQL of DuckDB, each with its Spark type. Pure.

Only what gives Spark's answer is known: whole numbers, decimals, texts, dates and conditions, the arithmetic of
decimals with Spark's places, and aggregates that are exact. A number that leaves its type makes DuckDB fail (it
checks), and then the statement is the engine's. Everything else raises Unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from awsglue._runtime.exact.arithmetic import WIDEST, Exact, as_decimal, bounded, decimal_of, unbounded
from awsglue._runtime.flow.values import DATE_PARTS, Unknown, day_literal

WHOLE = ("int", "bigint")
PLAIN = (*WHOLE, "string", "date", "boolean")
# The most digits whose sum, divided by a count, is still one division of 38 digits.
_AVERAGED = WIDEST - 14


class Term(NamedTuple):
    """An expression; `literal` is the text of a number or text that is written in the statement."""

    sql: str
    type: str
    literal: str | None = None


def number(text: str) -> Term:
    """A number in the statement."""
    whole, point, fraction = text.partition(".")
    if not (whole + fraction).isdigit() or not (whole + fraction).isascii():
        raise Unknown(f"the number {text}")
    if not point:
        size = int(text)
        if size >= 2**63:
            raise Unknown("a number beyond 64 bits")
        kind = "int" if size < 2**31 else "bigint"
        return Term(f"CAST({size} AS {kind})", kind, str(size))
    digits = len(str(int(whole + fraction)))
    exact = Exact(max(digits, len(fraction)), len(fraction))
    if exact.precision > WIDEST:
        raise Unknown("a number of many digits")
    return Term(_written(text, exact), str(exact), text)


def text(value: str) -> Term:
    if "\0" in value or "\\" in value:
        raise Unknown("a text with escapes")
    return Term("'" + value.replace("'", "''") + "'", "string", value)


def day(value: str) -> Term:
    """DATE '…'."""
    return Term(day_literal(value), "date")


def _written(number_text: str, exact: Exact) -> str:
    return f"CAST('{number_text}' AS {exact})"


def _is_number(term: Term) -> bool:
    return term.type in WHOLE or decimal_of(term.type) is not None


def exact_of(term: Term, *, as_written: bool = False) -> Exact:
    """The decimal type of a number; `as_written`: that of a whole number in the text, beside a decimal."""
    if as_written and term.literal and term.type in WHOLE:
        return Exact(len(term.literal), 0)
    found = as_decimal(term.type)
    if found is None:
        raise Unknown(f"{term.type} as a number")
    return found


def fitted(term: Term, target: Exact) -> str:
    """The number as a decimal with the target's places; of a column with these places, as it is."""
    own = exact_of(term)
    if term.literal:
        return _written(term.literal, target)
    if decimal_of(term.type) is not None and own.scale == target.scale:
        return term.sql
    return f"CAST({term.sql} AS {target})"


def arithmetic(sign: str, left: Term, right: Term) -> Term:
    """+ - * /. Raises Unknown."""
    if not (_is_number(left) and _is_number(right)):
        raise Unknown(f"{left.type} {sign} {right.type}")
    if left.type in WHOLE and right.type in WHOLE:
        if sign == "/":
            raise Unknown("a quotient of whole numbers is a double")
        return _whole(sign, left, right)
    pair = exact_of(left, as_written=True), exact_of(right, as_written=True)
    wide = unbounded(sign, *pair)
    result = bounded(wide)
    sides = fitted(left, pair[0]), fitted(right, pair[1])
    if sign == "/":
        return Term(quotient(sides[0], pair[0].scale, sides[1], pair[1].scale, result), str(result))
    if result.scale != wide.scale:
        raise Unknown("a result with fewer places")
    return Term(f"({sides[0]} {sign} {sides[1]})", str(result))


def _whole(sign: str, left: Term, right: Term) -> Term:
    """+ - * of whole numbers, which fail when they leave their type.

    In numbers of just that type DuckDB would calculate with what stands around them: it makes x > 4 of x + 1 > 5 and
    sum(x) + count(x) of sum(x + 1), where nothing overflows any more.
    """
    kind = max(left.type, right.type, key=WHOLE.index)
    wide = "BIGINT" if kind == "int" else "HUGEINT"
    return Term(f"CAST((CAST({left.sql} AS {wide}) {sign} CAST({right.sql} AS {wide})) AS {kind})", kind)


def quotient(left: str, left_places: int, right: str, right_places: int, result: Exact) -> str:
    """left / right rounded half up to the result's places, in whole numbers of 128 bits, which fail when they overflow.

    What fits has a quotient that Spark's 39 digits round to the same number.
    """
    more = result.scale + right_places - left_places
    above = _digits(left, left_places, max(more, 0))
    below = _digits(right, right_places, max(-more, 0))
    rounded = f"((2 * abs({above}) + abs({below})) // (2 * abs({below})))"
    signed = f"CASE WHEN ({above} < 0) <> ({below} < 0) THEN -{rounded} ELSE {rounded} END"
    found = f"CAST(CASE WHEN {below} = 0 THEN NULL ELSE {signed} END AS DECIMAL(38,0))"
    if result.scale:
        found = (
            f"({found} * {_written('0.' + '1'.rjust(result.scale, '0'), Exact(result.scale, result.scale))})"
        )
    return f"CAST({found} AS {result})"


def _digits(value: str, places: int, more: int) -> str:
    """The number without its point, with more zeros behind it, as a whole number of 128 bits."""
    shift = places + more
    if not shift:
        return f"CAST({value} AS HUGEINT)"
    power = _written("1" + "0" * shift, Exact(shift + 1, 0))
    return f"CAST((CAST({value} AS DECIMAL(38,{places})) * {power}) AS HUGEINT)"


def compared(sign: str, left: Term, right: Term) -> Term:
    """A comparison of like values. Raises Unknown."""
    # Conditions are compared by nobody, and the parser may have bound `a = b < c` otherwise than Spark.
    if left.type == right.type and left.type in ("string", "date"):
        return Term(f"({left.sql} {sign} {right.sql})", "boolean")
    if not (_is_number(left) and _is_number(right)):
        raise Unknown(f"comparison of {left.type} and {right.type}")
    if left.type in WHOLE and right.type in WHOLE:
        return Term(f"({left.sql} {sign} {right.sql})", "boolean")
    target, fits = _both(exact_of(left, as_written=True), exact_of(right, as_written=True))
    sides = []
    for side in (left, right):
        as_it_is = fits and not side.literal and decimal_of(side.type) is not None
        sides.append(side.sql if as_it_is else f"CAST({side.sql} AS {target})")
        if side.literal and fits:
            sides[-1] = _written(side.literal, target)
    return Term(f"({sides[0]} {sign} {sides[1]})", "boolean")


def _both(left: Exact, right: Exact) -> tuple[Exact, bool]:
    """The decimal type that holds both, and whether it holds all of both."""
    scale = max(left.scale, right.scale)
    precision = max(left.precision - left.scale, right.precision - right.scale) + scale
    return Exact(min(precision, WIDEST), scale), precision <= WIDEST


def chosen(conditions: list[Term], values: list[Term], default: Term | None) -> Term:
    """CASE WHEN … THEN … ELSE … END. Raises Unknown."""
    branches = [*values, *([default] if default is not None else [])]
    if any(condition.type != "boolean" for condition in conditions):
        raise Unknown("a condition that is no boolean")
    kinds = {branch.type for branch in branches}
    if len(kinds) == 1 and kinds <= {*PLAIN}:
        made, kind = [branch.sql for branch in branches], branches[0].type
    else:
        target = exact_of(branches[0])
        for branch in branches[1:]:
            target, fits = _both(target, exact_of(branch))
            if not fits:
                raise Unknown("branches of many digits")
        if not any(decimal_of(branch.type) for branch in branches):
            raise Unknown("branches of several types")
        made, kind = [f"CAST({branch.sql} AS {target})" for branch in branches], str(target)
    whens = " ".join(
        f"WHEN {condition.sql} THEN {value}" for condition, value in zip(conditions, made, strict=False)
    )
    last = f" ELSE {made[-1]}" if default is not None else ""
    return Term(f"(CASE {whens}{last} END)", kind)


def counted(value: Term | None, *, distinct: bool) -> Term:
    """count(*), count(x), count(DISTINCT x)."""
    inner = "*" if value is None else value.sql
    return Term(f"count({'DISTINCT ' if distinct else ''}{inner})", "bigint")


def extreme(name: str, value: Term) -> Term:
    """min and max."""
    if value.type not in (*WHOLE, "string", "date") and decimal_of(value.type) is None:
        raise Unknown(f"{name}() of {value.type}")
    return Term(f"{name}({value.sql})", value.type)


def summed(value: Term) -> Term:
    if value.type in WHOLE:
        return Term(f"CAST(sum({value.sql}) AS BIGINT)", "bigint")
    exact = exact_of(value)
    result = Exact(min(exact.precision + 10, WIDEST), exact.scale)
    total = f"sum({fitted(value, exact)})"
    if result.precision < WIDEST:
        return Term(f"CAST({total} AS {result})", str(result))
    # DuckDB adds in 128 bits, which hold a little more than 38 digits.
    most = "9" * (WIDEST - exact.scale) + ("." + "9" * exact.scale if exact.scale else "")
    guarded = (
        f"CASE WHEN abs({total}) > {_written(most, result)} THEN error('sum of many digits') ELSE {total} END"
    )
    return Term(f"({guarded})", str(result))


def averaged(value: Term) -> Term:
    """avg of decimals; of whole numbers it is a double, which depends on the order of rows."""
    exact = decimal_of(value.type)
    if exact is None or exact.precision > _AVERAGED:
        raise Unknown(f"avg() of {value.type}")
    result = Exact(min(exact.precision + 4, WIDEST), min(exact.scale + 4, WIDEST))
    total = f"sum({fitted(value, exact)})"
    return Term(quotient(total, exact.scale, f"count({value.sql})", 0, result), str(result))


def part_of_day(name: str, value: Term) -> Term:
    """year, month, day of a date."""
    if value.type != "date" or name not in DATE_PARTS:
        raise Unknown(f"{name}() of {value.type}")
    # The last days of 32 bits are DuckDB's infinity, which has no year.
    part = f"CASE WHEN isinf({value.sql}) THEN error('no date') ELSE {DATE_PARTS[name]}({value.sql}) END"
    return Term(f"CAST({part} AS INTEGER)", "int")


def piece(value: Term, start: Term, length: Term) -> Term:
    """substring(text, from 1 on, length) by characters."""
    if (value.type, start.type, length.type) != ("string", "int", "int"):
        raise Unknown("substring() of other values")
    if start.literal in (None, "0") or length.literal is None:
        raise Unknown("substring() at places that are not written")
    return Term(f"substring({value.sql}, {start.literal}, {length.literal})", "string")


def like(value: Term, pattern: Term) -> Term:
    """LIKE with a pattern in which only % stands for others."""
    if value.type != "string" or pattern.type != "string" or pattern.literal is None:
        raise Unknown("LIKE of other values")
    if "_" in pattern.literal:
        raise Unknown("LIKE with a sign for one character")
    return Term(f"({value.sql} LIKE {pattern.sql})", "boolean")


def shown(term: Term) -> str:
    """The value of a column of the result, in just its type."""
    return term.sql if term.type in ("string", "date", "boolean") else f"CAST({term.sql} AS {term.type})"
