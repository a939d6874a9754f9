"""Regular expressions: what Trino's functions give without a match, and Java's replacement texts.

Pure functions; owns no state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from mastic.athena.failures import not_supported
from mastic.athena.trees import Rewrite, filled


def _extract(node: exp.Expr) -> exp.Expr:
    """No match is NULL. A group that takes no part would be NULL too, which DuckDB cannot tell."""
    group = node.args.get("group")
    pattern = node.expression
    if group is None:
        return filled(
            "CASE WHEN regexp_matches(__0, __1) THEN regexp_extract(__0, __1) END", node.this, pattern
        )
    if isinstance(group, exp.Literal) and group.this == "0":
        group = None
    elif not isinstance(group, exp.Literal) or not isinstance(pattern, exp.Literal):
        raise not_supported("function regexp_extract with a pattern or a group that is not a literal")
    elif re.search(r"\||\)[?*{]", pattern.this):
        raise not_supported("function regexp_extract of a group that may take no part in the match")
    number = group.this if group is not None else "0"
    return filled(
        f"CASE WHEN regexp_matches(__0, __1) THEN regexp_extract(__0, __1, {number}) END", node.this, pattern
    )


def _replace(node: exp.Expr) -> exp.Expr:
    new = node.args.get("replacement")
    if new is None:
        new = exp.Literal.string("")
    if not (isinstance(new, exp.Literal) and new.is_string):
        raise not_supported("function regexp_replace with a replacement that is not a literal")
    made = exp.Literal.string(replacement(new.this))
    return filled("regexp_replace(__0, __1, __2, 'g')", node.this, node.expression, made)


def replacement(java: str) -> str:
    r"""``$1`` → ``\1``. Raises QueryFailure for named groups and for what Java would refuse."""
    out, i = [], 0
    while i < len(java):
        one = java[i]
        following = java[i + 1 : i + 2]
        if one == "\\" and following:
            out.append("\\\\" if following == "\\" else following)
            i += 2
        elif one == "$" and following.isdigit() and not java[i + 2 : i + 3].isdigit():
            out.append("\\" + following)
            i += 2
        elif one in "$\\":
            raise not_supported(f"the replacement {java!r} in regexp_replace")
        else:
            out.append(one)
            i += 1
    return "".join(out)


def _all(node: exp.Expr) -> exp.Expr:
    if node.args.get("group") is not None and node.args["group"].name != "0":
        raise not_supported("function regexp_extract_all with a group")
    return node


REGEXES: Mapping[str, Rewrite] = {
    "RegexpExtract": _extract,
    "RegexpExtractAll": _all,
    "RegexpReplace": _replace,
    "RegexpLike": lambda node: node,
    "RegexpSplit": lambda node: node,
}
