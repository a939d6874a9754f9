"""What kind of statement a text is, and its parse. Pure functions; owns no state.

DDL is Hive's with back-ticks, everything else Trino's with double quotes, as in Athena; sqlglot's Athena
dialect knows which is which. What it cannot parse is matched here by its words.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from mastic.athena.failures import invalid

# sqlglot warns when it falls back to a plain command; those statements are parsed by their words below.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.S)
_NAME = r"(?:`[^`]+`|\"[^\"]+\"|[\w$-]+)"
_PATH = rf"(?P<name>{_NAME}(?:\s*\.\s*{_NAME}){{0,2}})"

# Statements told by their words: pattern, statement type, substatement type.
_WORDED: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.I | re.S), kind, substatement)
    for pattern, kind, substatement in (
        (
            rf"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?PROTECTED\s+MULTI\s+DIALECT\s+VIEW\s+{_PATH}"
            r"(?:\s+SECURITY\s+DEFINER)?(?P<json>\s+SHOW\s+VIEW\s+JSON)?\s+AS\s+(?P<query>.+)",
            "DDL",
            "CREATE_PROTECTED_MULTI_DIALECT_VIEW",
        ),
        (
            rf"ALTER\s+VIEW\s+{_PATH}(?P<force>\s+FORCE)?\s+(?P<action>ADD|UPDATE)\s+DIALECT\s+AS\s+(?P<query>.+)",
            "DDL",
            "ALTER_VIEW_DIALECT",
        ),
        (rf"ALTER\s+VIEW\s+{_PATH}\s+(?P<action>DROP)\s+DIALECT", "DDL", "ALTER_VIEW_DIALECT"),
        (
            rf"CREATE\s+(?:DATABASE|SCHEMA)\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?{_PATH}"
            r"(?:\s+COMMENT\s+'(?P<comment>(?:[^']|'')*)')?(?:\s+LOCATION\s+'(?P<location>[^']*)')?"
            r"(?:\s+WITH\s+DBPROPERTIES\s*\((?P<properties>.*)\))?",
            "DDL",
            "CREATE_DATABASE",
        ),
        (
            rf"ALTER\s+TABLE\s+{_PATH}\s+ADD\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?(?P<partitions>PARTITION\s*\(.+)",
            "DDL",
            "ALTER_TABLE_ADD_PARTITION",
        ),
        (
            rf"ALTER\s+TABLE\s+{_PATH}\s+DROP\s+(?P<exists>IF\s+EXISTS\s+)?(?P<partitions>PARTITION\s*\(.+)",
            "DDL",
            "ALTER_TABLE_DROP_PARTITION",
        ),
        (
            rf"ALTER\s+TABLE\s+{_PATH}\s+(?P<partitions>PARTITION\s*\([^)]*\))\s+RENAME\s+TO\s+"
            r"(?P<to>PARTITION\s*\([^)]*\))",
            "DDL",
            "ALTER_TABLE_RENAME_PARTITION",
        ),
        (rf"MSCK\s+REPAIR\s+TABLE\s+{_PATH}", "DDL", "MSCK_REPAIR_TABLE"),
        (r"SHOW\s+(?:DATABASES|SCHEMAS)(?:\s+LIKE\s+'(?P<like>[^']*)')?", "UTILITY", "SHOW_DATABASES"),
        (
            rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+{_PATH})?(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?",
            "UTILITY",
            "SHOW_TABLES",
        ),
        (
            rf"SHOW\s+VIEWS(?:\s+(?:IN|FROM)\s+{_PATH})?(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?",
            "UTILITY",
            "SHOW_VIEWS",
        ),
        (
            rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_PATH}(?:\s+(?:IN|FROM)\s+(?P<db>{_NAME}))?",
            "UTILITY",
            "SHOW_COLUMNS",
        ),
        (rf"SHOW\s+PARTITIONS\s+{_PATH}", "UTILITY", "SHOW_PARTITIONS"),
        (
            rf"SHOW\s+TBLPROPERTIES\s+{_PATH}(?:\s*\(\s*'(?P<key>[^']*)'\s*\))?",
            "UTILITY",
            "SHOW_TBLPROPERTIES",
        ),
        (rf"SHOW\s+CREATE\s+TABLE\s+{_PATH}", "UTILITY", "SHOW_CREATE_TABLE"),
        (rf"SHOW\s+CREATE\s+VIEW\s+{_PATH}", "UTILITY", "SHOW_CREATE_VIEW"),
        (rf"(?:DESCRIBE|DESC)\s+(?:(?:EXTENDED|FORMATTED|VIEW)\s+)?{_PATH}", "UTILITY", "DESCRIBE_TABLE"),
        (r"UNLOAD\s*\((?P<query>.+)\)\s*TO\s*'(?P<to>[^']+)'\s*WITH\s*\((?P<options>.*)\)", "DML", "UNLOAD"),
        (r"EXPLAIN\s+(?P<analyze>ANALYZE\s+)?(?P<query>.+)", "UTILITY", "EXPLAIN"),
        (rf"PREPARE\s+(?P<name>{_NAME})\s+FROM\s+(?P<query>.+)", "DML", "PREPARE"),
        (rf"EXECUTE\s+(?P<name>{_NAME})(?:\s+USING\s+(?P<using>.+))?", "DML", "EXECUTE"),
        (rf"DEALLOCATE\s+PREPARE\s+(?P<name>{_NAME})", "DML", "DEALLOCATE_PREPARE"),
        (rf"OPTIMIZE\s+{_PATH}.*", "DML", "OPTIMIZE"),
        (rf"VACUUM\s+{_PATH}", "DML", "VACUUM"),
    )
)


# Statements that make objects.
WRITING = frozenset({"CREATE_TABLE_AS_SELECT", "INSERT", "UNLOAD", "UPDATE", "DELETE", "MERGE"})


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A classified statement. ``tree`` is the parse where there is one; ``words`` the parts of a worded one."""

    text: str
    type: str
    substatement: str
    tree: exp.Expr | None = None
    words: dict[str, str] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        """True when running it twice changes nothing."""
        return self.type == "UTILITY" or self.substatement in ("SELECT", "EXPLAIN", "MSCK_REPAIR_TABLE")

    @property
    def writes_data(self) -> bool:
        """True when it makes objects, and not one change of the catalog or of what is saved."""
        return self.substatement in WRITING


def classify(text: str) -> Statement:
    """Raises ServiceError (InvalidRequestException, MALFORMED_QUERY) for text that is no statement."""
    bare = _COMMENTS.sub("", text, count=1).strip().rstrip(";").strip()
    if not bare:
        raise invalid("Query string is empty", "MALFORMED_QUERY")
    for pattern, kind, substatement in _WORDED:
        if match := pattern.fullmatch(bare):
            words = {k: v.strip() for k, v in match.groupdict().items() if v is not None}
            return Statement(text=bare, type=kind, substatement=substatement, words=words)
    tree = parse(bare)
    _check_form(tree)
    kind, substatement = _kind(tree, bare)
    return Statement(text=bare, type=kind, substatement=substatement, tree=tree)


def parse(text: str, dialect: str = "athena") -> exp.Expr:
    """One statement's tree. Raises ServiceError with the place of the mistake."""
    try:
        trees = sqlglot.parse(text, read=dialect)
    except (ParseError, TokenError) as error:
        raise invalid(_place(error, text), "MALFORMED_QUERY") from error
    found = [t for t in trees if t is not None]
    if len(found) != 1:
        raise invalid("Only one sql statement is allowed. Got: " + text[:200], "MALFORMED_QUERY")
    return found[0]


# The parser knows the clauses of many databases. What Athena's statements do not have must not be passed over: a
# DELETE whose LIMIT is not seen deletes everything.
_CLAUSES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Insert: frozenset({"this", "expression", "overwrite"}),
    exp.Update: frozenset({"this", "expressions", "where"}),
    exp.Delete: frozenset({"this", "where"}),
    exp.Merge: frozenset({"this", "using", "on", "whens"}),
}
_OF_TARGETS = frozenset({"this", "db", "catalog", "alias"})
_OF_BRANCHES = frozenset({"this", "expression", "expressions"})


def _check_form(tree: exp.Expr) -> None:
    allowed = _CLAUSES.get(type(tree))
    if allowed is None:
        return
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    parts = [(tree, allowed), (target, _OF_TARGETS)]
    for when in tree.args["whens"].expressions if isinstance(tree, exp.Merge) else ():
        if isinstance(when.args["then"], exp.Insert | exp.Update):
            parts.append((when.args["then"], _OF_BRANCHES))
    for node, known in parts:
        for clause, value in node.args.items():
            if value and clause not in known:
                word = clause.strip("_").upper()
                raise invalid(
                    f"mismatched input '{word}': not a part of {tree.key.upper()}", "MALFORMED_QUERY"
                )


def names(path: str) -> list[str]:
    """The folded parts of a dotted name, quotes removed."""
    return [part.strip('`"').lower() for part in re.findall(_NAME, path)]


def _place(error: ParseError | TokenError, text: str) -> str:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    if not details:
        return f"mismatched input: {str(error).splitlines()[0]}"
    found = details.get("highlight") or "<EOF>"
    place = f"line {details.get('line', 1)}:{details.get('col', 1)}"
    return f"{place}: mismatched input '{found}'. {details.get('description', '')}"


def _kind(tree: exp.Expr, text: str) -> tuple[str, str]:
    match tree:
        case exp.Query() | exp.Values():
            return "DML", "SELECT"
        case exp.Insert():
            return "DML", "INSERT"
        case exp.Update():
            return "DML", "UPDATE"
        case exp.Delete():
            return "DML", "DELETE"
        case exp.Merge():
            return "DML", "MERGE"
        case exp.Create() if tree.kind == "VIEW":
            return "DDL", "CREATE_VIEW"
        case exp.Create() if tree.kind == "TABLE" and tree.expression is not None:
            return "DDL", "CREATE_TABLE_AS_SELECT"
        case exp.Create() if tree.kind == "TABLE":
            return "DDL", "CREATE_TABLE"
        case exp.Drop():
            return "DDL", f"DROP_{'DATABASE' if tree.kind == 'SCHEMA' else tree.kind}"
        case exp.Alter():
            return "DDL", "ALTER_TABLE"
    head = text.split(None, 1)[0].upper()
    if head in ("ALTER", "CREATE", "DROP"):
        return "DDL", "_".join(text.upper().split()[:2])
    raise invalid(f"line 1:1: mismatched input '{text.split(None, 1)[0]}'", "MALFORMED_QUERY")
