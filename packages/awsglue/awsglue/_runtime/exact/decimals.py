"""How many digits decimals in SQL text can have at most. Owns no state.

Spark gives a product of more than 38 digits fewer places behind the point, but never fewer than six; the embedded
engine keeps them all. A product with at most 38 digits, or with at most six places, has the same type on both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from awsglue._runtime.exact.sql_kinds import branches

WIDEST = 38
KEPT_PLACES = 6
_INTEGERS = {"tinyint": 3, "smallint": 5, "int": 10, "integer": 10, "bigint": 20}
_SUM_ADDS = 10


class Size(NamedTuple):
    """Digits before the point and places behind it, at most."""

    digits: int
    places: int

    @property
    def precision(self) -> int:
        return self.digits + self.places

    def widest(self, other: Size) -> Size:
        return Size(max(self.digits, other.digits), max(self.places, other.places))


class Names(NamedTuple):
    """What the names in a statement stand for: the sources' (name, type), aliases, and names with several meanings."""

    fields: list[tuple[str, str]]
    inner: list[Any]
    shown: list[Any]
    doubtful: set[str]

    @classmethod
    def of(cls, frames: list[Any], parsed: Any) -> Names:
        """Names in lower case; the aliases from the outermost in, those that the statement shows apart."""
        from sqlglot import exp

        fields = [
            (item.name.lower(), item.dataType.simpleString())
            for frame in frames
            for item in frame.schema.fields
        ]
        shown = _shown(parsed)
        known = {id(each) for each in shown}
        inner = [alias for alias in parsed.find_all(exp.Alias) if id(alias) not in known]
        doubtful = _doubtful(parsed, inner, {name for name, _ in fields})
        written = _written(parsed)
        fields += [(name, kind) for name, kind in written if kind is not None and name not in doubtful]
        doubtful |= {name for name, kind in written if kind is None}
        names = cls(fields, inner, shown, doubtful)
        if parsed.find(exp.Lambda) is None:
            return names
        from awsglue._runtime.exact import lambdas, sql_types

        variables = lambdas.in_text(parsed, inner, sql_types.type_of, sql_types.types_of_names(names))
        return cls([*fields, *variables], inner, shown, doubtful)


def sizes(names: Names) -> dict[str, Size | None]:
    """Sizes of columns by lower-case name, the widest of all that have it; None for one that is no exact number, or
    whose name stands for several things in the statement."""
    found: dict[str, Size | None] = {}
    for name, kind in names.fields:
        size = _of_type(kind)
        known = found.get(name, size)
        found[name] = size.widest(known) if size and known else None
    found |= dict.fromkeys(names.doubtful)
    # The innermost first: the others are made of them. What the statement shows, no other query can refer to.
    for alias in [*reversed(names.inner), *names.shown]:
        found.setdefault(alias.alias.lower(), size_of(alias.this, found))
    return found


def _shown(parsed: Any) -> list[Any]:
    """The aliases of the statement's own columns."""
    from sqlglot import exp

    if isinstance(parsed, exp.SetOperation):
        return [*_shown(parsed.this), *_shown(parsed.expression)]
    if isinstance(parsed, (exp.Paren, exp.Subquery)):
        return _shown(parsed.this)
    return [each for each in parsed.expressions if isinstance(each, exp.Alias)]


def _doubtful(parsed: Any, inner: list[Any], sources: set[str]) -> set[str]:
    """Names that queries within the statement give to more than one thing, or to the branches of a union."""
    from sqlglot import exp

    found: set[str] = set()
    given = set(sources)
    for alias in inner:
        name = alias.alias.lower()
        same = isinstance(alias.this, exp.Column) and alias.this.name.lower() == name
        if name in given and not same:
            found.add(name)
        given.add(name)
    for table in parsed.find_all(exp.TableAlias):
        columns = {column.name.lower() for column in table.columns}
        found |= columns & given if isinstance(table.parent, exp.Values) else columns
        given |= columns
    for union in parsed.find_all(exp.SetOperation):
        if union is not parsed:
            found |= {name.lower() for name in union.named_selects}
    return found


def _written(parsed: Any) -> list[tuple[str, str | None]]:
    """(name, type) of the columns of rows that stand in the statement: VALUES (…), (…) AS t(name, …)."""
    from sqlglot import exp

    from awsglue._runtime.exact import sql_types

    found = []
    for values in parsed.find_all(exp.Values):
        alias = values.args.get("alias")
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
        for at, column in enumerate(alias.columns if alias is not None else ()):
            kind = sql_types.common([sql_types.type_of(row[at], {}) for row in rows if at < len(row)])
            found.append((column.name.lower(), kind))
    return found


def exact_product(node: Any, columns: dict[str, Size | None]) -> bool | None:
    """Whether a product is certain to have the type that Spark gives it; None for what is not understood."""
    left, right = size_of(node.this, columns), size_of(node.expression, columns)
    if left is None or right is None:
        return None
    return left.precision + right.precision + 1 <= WIDEST or left.places + right.places <= KEPT_PLACES


def size_of(node: Any, columns: dict[str, Size | None]) -> Size | None:
    """The most that an exact number can have; None for what is not understood."""
    from sqlglot import exp

    def of(each: Any) -> Size | None:
        return size_of(each, columns)

    match node:
        case exp.Column():
            return columns.get(node.name.lower())
        case exp.Literal() if not node.is_string:
            return _of_literal(str(node.this).lower())
        case exp.Paren() | exp.Neg() | exp.Alias() | exp.Min() | exp.Max():
            return of(node.this)
        case exp.Cast() | exp.TryCast():
            return _of_type(node.to.sql("spark").lower())
        case exp.Sum():
            inner = of(node.this)
            return inner and Size(min(inner.digits + _SUM_ADDS, WIDEST - inner.places), inner.places)
        case exp.Count():
            return Size(_INTEGERS["bigint"], 0)
        case exp.Add() | exp.Sub():
            wider = _widest([of(node.this), of(node.expression)])
            return wider and Size(min(wider.digits + 1, WIDEST - wider.places), wider.places)
        case exp.Mul():
            left, right = of(node.this), of(node.expression)
            if left is None or right is None or left.places + right.places > WIDEST:
                return None
            places = left.places + right.places
            return Size(min(left.digits + right.digits + 1, WIDEST - places), places)
        case exp.Coalesce():
            return _widest([of(node.this), *[of(each) for each in node.expressions]])
        case exp.Case():
            return _widest([of(each) for each in branches(node)])
        case exp.Subquery() if isinstance(node.this, exp.Select) and len(node.this.expressions) == 1:
            return of(node.this.expressions[0])
    return None


def _widest(found: list[Size | None]) -> Size | None:
    widest: Size | None = None
    for each in found:
        if each is None:
            return None
        widest = each if widest is None else widest.widest(each)
    return widest


def _of_type(name: str) -> Size | None:
    bare, _, rest = name.partition("(")
    if bare in _INTEGERS:
        return Size(_INTEGERS[bare], 0)
    if bare not in ("decimal", "numeric", "dec"):
        return None
    precision, _, places = rest.strip(" )").partition(",")
    if not precision.strip():
        return Size(10, 0)
    return Size(int(precision) - int(places or 0), int(places or 0))


def _of_literal(text: str) -> Size | None:
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isdigit():
        return None  # of another type, as its suffix or exponent says
    return Size(len(whole.lstrip("0")) or (0 if fraction else 1), len(fraction))
