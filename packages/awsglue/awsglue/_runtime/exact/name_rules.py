"""How Spark shows functions, windows and signs in the names of columns. Data and pure functions."""

from __future__ import annotations

import re

# Words that no expression goes on with.
ENDS = frozenset(") , ] FROM WHERE GROUP ORDER HAVING LIMIT UNION THEN WHEN ELSE END AS AND OR".split())
# Words at an expression's end that are no alias, and words behind which none comes.
CONTINUES = frozenset("END NULL TRUE FALSE UNKNOWN NULLS".split())
# Of these an interval has one; all else may have it for its alias.
UNITS = frozenset(
    "DAY HOUR MINUTE SECOND MONTH YEAR WEEK DAYS HOURS MINUTES SECONDS MONTHS YEARS WEEKS".split()
)
CONTINUES_BEFORE = frozenset(
    "AND OR NOT IN LIKE RLIKE ILIKE IS BETWEEN DIV CASE WHEN THEN ELSE DISTINCT INTERVAL DATE TIMESTAMP"
    " OVER NULLS WITHIN IGNORE".split()
)
# Words that stand for values of their own.
UNNAMED = frozenset(
    "INTERVAL CURRENT_DATE CURRENT_TIMESTAMP CURRENT_USER EXISTS SELECT DISTINCT ALL ARRAY".split()
)
SIGNS = {"DIV": "div", "==": "="}
# Functions that are shown with the name they are called by and their arguments as they are written.
_PLAIN = frozenset(
    "abs add_months any any_value approx_count_distinct array array_contains array_distinct array_join"
    " array_max array_min ascii avg base64 bit_and bit_length bit_or bit_xor bool_and bool_or ceiling char_length"
    " character_length charindex coalesce collect_list collect_set concat concat_ws contains corr count count_if"
    " covar_pop covar_samp crc32 cume_dist date_add date_diff date_format date_sub date_trunc datediff day dayofmonth"
    " dayofweek dayofyear element_at endswith every exists filter forall first first_value from_unixtime"
    " from_utc_timestamp get_json_object greatest hex hour ifnull initcap instr isnan kurtosis lag last"
    " last_day last_value lcase lead least left len length levenshtein lower lpad ltrim map map_keys map_values max"
    " max_by md5 mean median min min_by"
    " minute month months_between next_day ntile nullif nvl nvl2 octet_length pmod quarter regexp_extract"
    " regexp_replace repeat reverse right round row_number rpad rtrim second sha1 sha2 sign size skewness slice some"
    " sort_array soundex space split split_part startswith std stddev stddev_pop stddev_samp substring substr"
    " substring_index sum to_date to_json to_timestamp to_utc_timestamp transform translate trim trunc ucase unhex"
    " unix_timestamp upper var_pop var_samp variance weekday weekofyear year".split()
)
_SHOUTED = {
    "sqrt": "SQRT",
    "exp": "EXP",
    "power": "POWER",
    "rank": "RANK",
    "ceil": "CEIL",
    "floor": "FLOOR",
    "dense_rank": "DENSE_RANK",
}
_SHOUTED["percent_rank"] = "PERCENT_RANK"
_TESTS = {"isnull": "({} IS NULL)", "isnotnull": "({} IS NOT NULL)"}
# What Spark shows although nobody wrote it, by how many arguments were written.
_DEFAULTS = {
    ("round", 1): ("0",),
    ("regexp_replace", 3): ("1",),
    ("split", 2): ("-1",),
    ("months_between", 2): ("true",),
    ("sort_array", 1): ("true",),
    ("from_unixtime", 1): ("yyyy-MM-dd HH:mm:ss",),
    ("unix_timestamp", 1): ("yyyy-MM-dd HH:mm:ss",),
    ("regexp_extract", 2): ("1",),
    ("lag", 1): ("1", "NULL"),
    ("lag", 2): ("NULL",),
    ("lead", 1): ("1", "NULL"),
    ("lead", 2): ("NULL",),
    ("lpad", 2): (" ",),
    ("rpad", 2): (" ",),
}
_RANKING = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "ntile"})
_FRAME = re.compile(
    r"ROWS BETWEEN (UNBOUNDED PRECEDING|CURRENT ROW|\d+ PRECEDING|-?\d+ FOLLOWING)"
    r" AND (UNBOUNDED FOLLOWING|CURRENT ROW|\d+ PRECEDING|-?\d+ FOLLOWING)"
    r"|RANGE BETWEEN (UNBOUNDED PRECEDING|CURRENT ROW) AND (UNBOUNDED FOLLOWING|CURRENT ROW)"
)
_TO_HERE = "BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


def call(name: str, arguments: list[str], *, distinct: bool = False) -> str | None:
    """What is shown of a function, whose name is in lower case; None for one that is not known."""
    if name in _TESTS and len(arguments) == 1:
        return _TESTS[name].format(arguments[0])
    if name == "if":
        return f"(IF({', '.join(arguments)}))"
    if name == "array_agg":
        name = "collect_list"
    if name in ("ltrim", "rtrim") and len(arguments) == 2:
        return f"TRIM({'LEADING' if name == 'ltrim' else 'TRAILING'} {arguments[0]} FROM {arguments[1]})"
    if name in ("ceil", "floor") and len(arguments) == 2:
        return f"{name}({', '.join(arguments)})"
    if name in _SHOUTED:
        return f"{_SHOUTED[name]}({', '.join(arguments)})"
    if name not in _PLAIN:
        return None
    if name in ("first", "last", "first_value", "last_value", "any_value"):
        arguments = arguments[:1]
    shown = [*arguments, *_DEFAULTS.get((name, len(arguments)), ())]
    return f"{name}({'DISTINCT ' if distinct else ''}{', '.join(shown)})"


def frame_of(name: str, arguments: list[str], given: str | None, *, ordered: bool) -> str | None:
    """The frame that Spark shows; None for one that is not known."""
    if name in _RANKING:
        return f"ROWS {_TO_HERE}" if given is None else None
    if name in ("lag", "lead"):
        offset = arguments[1] if len(arguments) > 1 else "1"
        if given is not None or not offset.isdigit():
            return None
        offset = f"-{offset}" if name == "lag" else offset
        return f"ROWS BETWEEN {offset} FOLLOWING AND {offset} FOLLOWING"
    if given is not None:
        return given if _FRAME.fullmatch(given) else None
    return f"RANGE {_TO_HERE}" if ordered else "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
