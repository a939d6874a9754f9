"""CSV fields to typed columns: Spark's inference lattice and its conversion of each field.

Columns arrive as lists of `str | None`. The quick ways use pyarrow's kernels on what a regular expression has proven
plain; everything else goes value by value through Java's rules. Pure, apart from the running inference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from awsglue._runtime.io import datetimes, texts
from awsglue._runtime.io.csv_options import CsvOptions

_PLAIN_INT = r"^[+-]?[0-9]{1,18}$"
_PLAIN_DOUBLE = r"^-?[0-9]{1,17}\.[0-9]{1,17}$"
_PLAIN_STAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?$"
_PLAIN_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Formats:
    """How dates and timestamps of one read are understood."""

    def __init__(self, options: Any) -> None:
        # Set by converters of nested values that lost a part.
        self.partial = False
        self.zone: tzinfo = datetimes.zone(options.session_zone) or UTC
        self.date = datetimes.Pattern(options.date_format) if options.date_format else None
        self.timestamp = datetimes.Pattern(options.timestamp_format) if options.timestamp_format else None

    def parse_date(self, text: str) -> Any:
        return self.date.parse_date(text) if self.date else datetimes.cast_date(text)

    def parse_timestamp(self, text: str) -> Any:
        if self.timestamp:
            return self.timestamp.parse(text, self.zone)
        return datetimes.cast_timestamp(text, self.zone)


class Inference:
    """The type of one column so far. Fed with values in order; `spark_type` gives the answer."""

    def __init__(self, options: CsvOptions, formats: Formats) -> None:
        self._options = options
        self._formats = formats
        self.kind = "null"
        self._precision = 0

    def feed(self, column: Any) -> None:
        """Take more values of this column (an Arrow string array)."""
        if self.kind == "string":
            return
        given = pc.and_(pc.not_equal(column, ""), pc.not_equal(column, self._options.null_value))
        column = column.filter(given, null_selection_behavior="drop")
        if not len(column):
            return
        # Most columns of text show themselves in their first value.
        if self._kind_of(column[0].as_py()) == "string" or not self._feed_at_once(column):
            for value in column:
                self._feed_one(value.as_py())
                if self.kind == "string":
                    return

    def _feed_at_once(self, column: Any) -> bool:
        if self.kind in ("boolean", "null"):
            lower = pc.utf8_lower(column)
            if pc.all(pc.or_(pc.equal(lower, "true"), pc.equal(lower, "false"))).as_py():
                self.kind = "boolean"
                return True
        if self.kind not in ("null", "int", "bigint", "double", "date", "timestamp"):
            return False
        if self.kind not in ("date", "timestamp"):
            if pc.all(pc.match_substring_regex(column, _PLAIN_INT)).as_py():
                if self.kind != "double":
                    bounds = pc.min_max(pc.cast(pc.utf8_ltrim(column, "+"), pa.int64())).as_py()
                    small = bounds["min"] >= -(2**31) and bounds["max"] < 2**31
                    self.kind = (
                        self.kind
                        if self.kind == "bigint" or (small and self.kind == "int")
                        else ("int" if small else "bigint")
                    )
                return True
            if pc.all(pc.match_substring_regex(column, f"{_PLAIN_DOUBLE}|{_PLAIN_INT}")).as_py():
                self.kind = "double"
                return True
        plain = self._formats.timestamp is None and self._formats.date is None
        if plain and self.kind in ("null", "date", "timestamp"):
            plain = pc.all(pc.match_substring_regex(column, f"{_PLAIN_STAMP}|{_PLAIN_DAY}")).as_py()
            if plain and not _stamps(column).null_count:
                days = self._options.prefer_date and self.kind != "timestamp"
                days = days and pc.all(pc.match_substring_regex(column, _PLAIN_DAY)).as_py()
                self.kind = "date" if days else "timestamp"
                return True
        return False

    def _feed_one(self, value: str) -> None:
        kind = self._kind_of(value)
        self.kind = _wider(self.kind, kind)

    def _kind_of(self, value: str) -> str:
        """What this value alone would be, trying from where the column stands (as Spark does)."""
        so_far = self.kind
        order = ["int", "bigint", "decimal", "double", "date", "timestamp", "boolean"]
        start = order.index(so_far) if so_far in order else 0
        for kind in order[start:]:
            if self._is(kind, value):
                return kind
        return "string"

    def _is(self, kind: str, value: str) -> bool:
        if kind in ("int", "bigint"):
            return texts.parse_int(value, 32 if kind == "int" else 64) is not None
        if kind == "decimal":
            return self._is_decimal(value)
        if kind == "double":
            special = (self._options.nan_value, self._options.positive_inf, self._options.negative_inf)
            return value in special or texts.parse_double(value) is not None
        if kind == "date":
            if not self._options.prefer_date:
                return False
            # Without a format of its own Spark looks for dates strictly as yyyy-MM-dd.
            strict = self._formats.date is not None or re.fullmatch(_PLAIN_DAY, value) is not None
            return strict and self._formats.parse_date(value) is not None
        if kind == "timestamp":
            return self._formats.parse_timestamp(value) is not None
        return texts.parse_boolean(value) is not None

    def _is_decimal(self, value: str) -> bool:
        number = texts.parse_decimal(value)
        if number is None or number.as_tuple().exponent != 0 or "e" in value.lower():
            return False
        digits = len(number.as_tuple().digits)
        if digits > 38:
            return False
        self._precision = max(self._precision, digits)
        return True

    @property
    def spark_type(self) -> Any:
        from pyspark.sql import types as t

        if self.kind == "decimal":
            # Integers met before the first decimal need room too.
            return t.DecimalType(self._precision, 0)
        return {
            "null": t.StringType(),
            "int": t.IntegerType(),
            "bigint": t.LongType(),
            "double": t.DoubleType(),
            "date": t.DateType(),
            "timestamp": t.TimestampType(),
            "boolean": t.BooleanType(),
            "string": t.StringType(),
        }[self.kind]


def _wider(left: str, right: str) -> str:
    numeric = ["null", "int", "bigint", "decimal", "double"]
    if left == right or left == "null":
        return right
    if left in numeric and right in numeric:
        return numeric[max(numeric.index(left), numeric.index(right))]
    if {left, right} == {"date", "timestamp"}:
        return "timestamp"
    return "string"


def _stamps(column: Any) -> Any:
    """Plain timestamps and days to UTC timestamps; null where a part is out of range."""
    try:
        return pc.cast(column, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        values = [
            datetimes.cast_timestamp(value) if value is not None else None for value in column.to_pylist()
        ]
        return pa.array(values, pa.timestamp("us", "UTC"))


class Converter:
    """Columns of text to one Arrow column of a Spark type, and which rows had a value that does not fit."""

    def __init__(self, data_type: Any, arrow_type: Any, options: CsvOptions, formats: Formats) -> None:
        self._name = data_type.simpleString()
        self._data_type = data_type
        self._arrow_type = arrow_type
        self._options = options
        self._formats = formats
        self._one = self._converter()

    def convert(self, column: Any) -> tuple[Any, list[int]]:
        """(Arrow array, row numbers of bad values) for an Arrow string array."""
        null = self._options.null_value
        column = pc.if_else(pc.equal(column, null), pa.scalar(None, pa.string()), column)
        if self._name == "string":
            return column, []
        quick = self._at_once(column)
        if quick is not None:
            return quick, []
        out: list[Any] = []
        bad: list[int] = []
        for row, value in enumerate(column.to_pylist()):
            if value is None:
                out.append(None)
                continue
            converted = self._one(value)
            if converted is None:
                bad.append(row)
            out.append(converted)
        return pa.array(out, self._arrow_type), bad

    def _at_once(self, column: Any) -> Any:
        if self._name == "boolean":
            lower = pc.utf8_lower(column)
            true = pc.equal(lower, "true")
            return true if pc.all(pc.or_(true, pc.equal(lower, "false")), min_count=0).as_py() else None
        plain = {"int": _PLAIN_INT, "bigint": _PLAIN_INT, "double": f"{_PLAIN_DOUBLE}|{_PLAIN_INT}"}.get(
            self._name
        )
        if (
            self._name == "timestamp"
            and self._formats.timestamp is None
            and self._options.session_zone == "UTC"
        ):
            plain = f"{_PLAIN_STAMP}|{_PLAIN_DAY}"
        if plain is None:
            return None
        if not pc.all(pc.match_substring_regex(column, plain), min_count=0).as_py():
            return None
        if self._name == "timestamp":
            stamps = _stamps(column)
            return stamps if stamps.null_count == column.null_count else None
        try:
            return pc.cast(pc.utf8_ltrim(column, "+"), self._arrow_type)
        except pa.ArrowInvalid:
            return None

    def _converter(self) -> Callable[[str], Any]:
        from pyspark.sql import types as t

        name, kind = self._name, self._data_type
        if name in texts.INTEGER_BITS:
            return partial(texts.parse_int, bits=texts.INTEGER_BITS[name])
        if name in ("double", "float"):
            return self._double
        if isinstance(kind, t.DecimalType):
            return self._decimal
        simple: dict[str, Callable[[str], Any]] = {
            "boolean": texts.parse_boolean,
            "date": self._formats.parse_date,
            "timestamp": self._formats.parse_timestamp,
            "timestamp_ntz": self._timestamp_ntz,
            "binary": lambda text: text.encode(),
            "string": lambda text: text,
        }
        if name in simple:
            return simple[name]
        if isinstance(kind, (t.CharType, t.VarcharType)):
            return lambda text: text
        from pyspark.errors import AnalysisException

        raise AnalysisException(
            f'[UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE] The CSV datasource doesn\'t support the type "{name.upper()}".'
        )

    def _double(self, text: str) -> float | None:
        special = {
            self._options.nan_value: float("nan"),
            self._options.positive_inf: float("inf"),
            self._options.negative_inf: float("-inf"),
        }
        return special[text] if text in special else texts.parse_double(text)

    def _decimal(self, text: str) -> Any:
        number = texts.parse_decimal(text)
        return (
            None
            if number is None
            else texts.fit_decimal(number, self._data_type.precision, self._data_type.scale)
        )

    def _timestamp_ntz(self, text: str) -> Any:
        moment = self._formats.parse_timestamp(text)
        return None if moment is None else moment.replace(tzinfo=None)
