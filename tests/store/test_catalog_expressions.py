"""Any expression finds what a plain reading of it finds, by whichever index, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.store.conftest import Catalog

Row = tuple[str, ...]
# True, False or None for unknown, as in SQL.
Reading = Callable[[Row], "bool | None"]

TYPES = ("string", "int", "decimal(6,2)", "date")
KEYS = [{"Name": f"k{n}", "Type": t} for n, t in enumerate(TYPES)]
STRINGS = st.sampled_from(["", "a", "ab", "abc", "b", "B", "a%", "é", "\U0001f600", "a\tb", "zz", "__x"])
INTEGERS = st.sampled_from(["-12", "-2", "-1", "0", "1", "01", "2", "10", "11", "300"])
DECIMALS = st.sampled_from(["-1.5", "-1.25", "0", "0.0", "0.5", "0.50", "1", "10.01", "9.99"])
DATES = st.sampled_from(["2023-12-31", "2024-01-01", "2024-01-02", "2024-02-29", "2025-01-01"])
LITERALS = (STRINGS.filter(lambda s: "%" not in s), INTEGERS, DECIMALS, DATES)
BAD = st.sampled_from(["__HIVE_DEFAULT_PARTITION__", "what"])
STORED = (STRINGS.filter(bool), st.one_of(INTEGERS, BAD), DECIMALS, st.one_of(DATES, BAD))


def read(key: int, text: str) -> Any:
    if key in (1, 2):
        try:
            return Decimal(text)
        except ArithmeticError:
            return None
    return None if key == 3 and not text[:1].isdigit() else text


def comparison(key: int, op: str, literal: str) -> Reading:
    wanted = read(key, literal)

    def reading(row: Row) -> bool | None:
        value = read(key, row[key])
        if value is None:
            return None
        match op:
            case "=":
                return bool(value == wanted)
            case "<>" | "!=":
                return bool(value != wanted)
            case "<":
                return bool(value < wanted)
            case "<=":
                return bool(value <= wanted)
            case ">":
                return bool(value > wanted)
        return bool(value >= wanted)

    return reading


def conjunction(*parts: Reading) -> Reading:
    def reading(row: Row) -> bool | None:
        found = [part(row) for part in parts]
        return False if False in found else None if None in found else True

    return reading


def opposite(part: Reading) -> Reading:
    def reading(row: Row) -> bool | None:
        found = part(row)
        return None if found is None else not found

    return reading


def disjunction(*parts: Reading) -> Reading:
    return opposite(conjunction(*(opposite(part) for part in parts)))


def matches(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(matches(text[n:], pattern[1:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and matches(text[1:], pattern[1:])


def quoted(key: int, literal: str) -> str:
    return f"'{literal}'" if key in (0, 3) or literal.startswith("0") else literal


@st.composite
def predicates(draw: st.DrawFn) -> tuple[str, Reading]:
    key = draw(st.integers(0, 3))
    literal = draw(LITERALS[key])
    kind = draw(st.sampled_from(["compare", "compare", "in", "between", "like", "null"]))
    negated = draw(st.booleans())
    no = "NOT " if negated else ""
    if kind == "in":
        several = draw(st.lists(LITERALS[key], min_size=1, max_size=4))
        text = f"k{key} {no}IN ({', '.join(quoted(key, one) for one in several)})"
        reading = disjunction(*(comparison(key, "=", one) for one in several))
    elif kind == "between":
        high = draw(LITERALS[key])
        text = f"k{key} {no}BETWEEN {quoted(key, literal)} AND {quoted(key, high)}"
        reading = conjunction(comparison(key, ">=", literal), comparison(key, "<=", high))
    elif kind == "like":
        pattern = draw(st.sampled_from(["a%", "%b", "_b%", "ab", "%", "a_c", "A%", "é", "__"]))
        text = f"k0 {no}LIKE '{pattern}'"
        reading = lambda row: matches(row[0], pattern)  # noqa: E731
    elif kind == "null" and key in (1, 3):
        text, reading = f"k{key} IS {no}NULL", lambda row: read(key, row[key]) is None
    else:
        op = draw(st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]))
        return f"k{key}{op}{quoted(key, literal)}", comparison(key, op, literal)
    return text, opposite(reading) if negated else reading


def combined(children: st.SearchStrategy[tuple[str, Reading]]) -> st.SearchStrategy[tuple[str, Reading]]:
    def join(
        word: str, how: Callable[..., Reading]
    ) -> Callable[[list[tuple[str, Reading]]], tuple[str, Reading]]:
        return lambda parts: (f" {word} ".join(f"({t})" for t, _ in parts), how(*(r for _, r in parts)))

    several = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        several.map(join("AND", conjunction)),
        several.map(join("or", disjunction)),
        children.map(lambda child: (f"NOT ({child[0]})", opposite(child[1]))),
    )


EXPRESSIONS = st.recursive(predicates(), combined, max_leaves=6)
ROWS = st.sets(st.tuples(*STORED), max_size=40)


def test_an_expression_finds_what_it_says(catalog: Catalog) -> None:
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    count = iter(range(10_000))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        rows=ROWS, expressions=st.lists(EXPRESSIONS, min_size=4, max_size=8), size=st.sampled_from([3, 1000])
    )
    def check(rows: set[Row], expressions: list[tuple[str, Reading]], size: int) -> None:
        name = f"t{next(count)}"
        at = {"DatabaseName": "db", "TableName": name}
        catalog("CreateTable", DatabaseName="db", TableInput={"Name": name, "PartitionKeys": KEYS})
        if rows:
            catalog("BatchCreatePartition", **at, PartitionInputList=[{"Values": list(row)} for row in rows])
        for text, reading in expressions:
            found = catalog.pages("GetPartitions", "Partitions", **at, Expression=text, MaxResults=size)
            assert sorted(tuple(p["Values"]) for p in found) == sorted(r for r in rows if reading(r)), text

    check()


def test_keys_that_are_not_bound_are_stepped_over(catalog: Catalog) -> None:
    """A few values of the first key, many of the second: what is found by the second is all there is, by pages."""
    catalog("CreateDatabase", DatabaseInput={"Name": "d"})
    keys = [{"Name": "a", "Type": "int"}, {"Name": "b", "Type": "string"}, {"Name": "c", "Type": "int"}]
    catalog("CreateTable", DatabaseName="d", TableInput={"Name": "steps", "PartitionKeys": keys})
    rows = [
        [a, b, str(c)]
        for a in ("-3", "07", "7", "none")
        for b in ("x", "x\u0001", "y", "é")
        for c in range(12)
    ]
    for start in range(0, len(rows), 100):
        some = [{"Values": values} for values in rows[start : start + 100]]
        reply = catalog("BatchCreatePartition", DatabaseName="d", TableName="steps", PartitionInputList=some)
        assert reply["Errors"] == []
    expressions: dict[str, Callable[[list[str]], bool]] = {
        "c = 5": lambda r: r[2] == "5",
        "c > 9": lambda r: int(r[2]) > 9,
        "b = 'x' AND c IN (1, 2)": lambda r: r[1] == "x" and r[2] in "12",
        "b >= 'x' AND c = 3": lambda r: r[2] == "3",
        "a = 7 AND c = 1": lambda r: r[0] in ("7", "07") and r[2] == "1",
        "a IN (-3, 7) AND c < 1": lambda r: r[0] != "none" and r[2] == "0",
        "b = 'nowhere' AND c = 1": lambda r: False,
    }
    for text, holds in expressions.items():
        found: list[list[str]] = []
        token: dict[str, Any] = {}
        while True:
            reply = catalog(
                "GetPartitions", DatabaseName="d", TableName="steps", Expression=text, MaxResults=3, **token
            )
            found += [one["Values"] for one in reply["Partitions"]]
            if not reply.get("NextToken"):
                break
            token = {"NextToken": reply["NextToken"]}
        assert sorted(found) == sorted(row for row in rows if holds(row)), text
