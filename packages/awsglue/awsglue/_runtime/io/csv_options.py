"""The CSV options of a read, with Spark's names, spellings and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MODES = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")
CORRUPT_COLUMN = "_corrupt_record"
_ESCAPES = {
    "\\t": "\t",
    "\\n": "\n",
    "\\r": "\r",
    "\\b": "\b",
    "\\f": "\f",
    '\\"': '"',
    "\\'": "'",
    "\\\\": "\\",
}


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """One read's options, checked."""

    sep: str = ","
    quote: str = '"'
    escape: str = "\\"
    escape_escape: str = ""
    comment: str = ""
    header: bool = False
    infer: bool = False
    encoding: str = "UTF-8"
    null_value: str = ""
    empty_value: str = ""
    nan_value: str = "NaN"
    positive_inf: str = "Inf"
    negative_inf: str = "-Inf"
    trim_left: bool = False
    trim_right: bool = False
    mode: str = "PERMISSIVE"
    corrupt_column: str = CORRUPT_COLUMN
    multi_line: bool = False
    line_separator: str = ""
    date_format: str = ""
    timestamp_format: str = ""
    sampling_ratio: float = 1.0
    enforce_schema: bool = True
    prefer_date: bool = True
    max_columns: int = 20480
    session_zone: str = "UTC"

    @property
    def effective_escape_escape(self) -> str:
        """The character that escapes the escape: the escape itself, unless quote and escape are the same."""
        if self.escape_escape:
            return self.escape_escape
        return "" if self.escape == self.quote else self.escape


def csv_options(options: dict[str, str], session_zone: str = "UTC") -> CsvOptions:
    """The options as given to a reader. Raises AnalysisException/IllegalArgumentException for wrong ones."""
    from awsglue._runtime.failures import EngineRefused

    lower = {key.lower(): value for key, value in options.items()}

    def flag(name: str, default: bool = False) -> bool:
        text = str(lower.get(name, default)).lower()
        if text not in ("true", "false"):
            raise _illegal(f"{name} flag can be true or false")
        return text == "true"

    mode = lower.get("mode", "PERMISSIVE").upper()
    if lower.get("unescapedquotehandling", "STOP_AT_DELIMITER").upper() != "STOP_AT_DELIMITER":
        raise EngineRefused("CSV option unescapedQuoteHandling", lower["unescapedquotehandling"])
    if lower.get("locale", "en-US").replace("_", "-") != "en-US":
        raise EngineRefused("CSV option locale", lower["locale"])
    return CsvOptions(
        sep=_separator(lower.get("sep", lower.get("delimiter", ","))),
        quote=_one(lower.get("quote", '"'), "quote"),
        escape=_one(lower.get("escape", "\\"), "escape"),
        escape_escape=_one(lower.get("chartoescapequoteescaping", ""), "charToEscapeQuoteEscaping"),
        comment=_one(lower.get("comment", ""), "comment"),
        header=flag("header"),
        infer=flag("inferschema"),
        encoding=lower.get("encoding", lower.get("charset", "UTF-8")),
        null_value=lower.get("nullvalue", ""),
        empty_value=lower.get("emptyvalue", ""),
        nan_value=lower.get("nanvalue", "NaN"),
        positive_inf=lower.get("positiveinf", "Inf"),
        negative_inf=lower.get("negativeinf", "-Inf"),
        trim_left=flag("ignoreleadingwhitespace"),
        trim_right=flag("ignoretrailingwhitespace"),
        mode=mode if mode in MODES else "PERMISSIVE",
        corrupt_column=lower.get("columnnameofcorruptrecord", CORRUPT_COLUMN),
        multi_line=flag("multiline"),
        line_separator=lower.get("linesep", ""),
        date_format=lower.get("dateformat", ""),
        timestamp_format=lower.get("timestampformat", ""),
        sampling_ratio=float(lower.get("samplingratio", "1.0")),
        enforce_schema=flag("enforceschema", True),
        prefer_date=flag("preferdate", True),
        max_columns=int(lower.get("maxcolumns", "20480")),
        session_zone=lower.get("timezone", session_zone),
    )


def _separator(text: str) -> str:
    if not text:
        raise _illegal("[INVALID_DELIMITER_VALUE.EMPTY_STRING] Delimiter cannot be empty string")
    out, index = "", 0
    while index < len(text):
        pair = text[index : index + 2]
        if pair in _ESCAPES:
            out += _ESCAPES[pair]
            index += 2
        elif text[index] == "\\" and len(text) == 1:
            raise _illegal("[INVALID_DELIMITER_VALUE.SINGLE_BACKSLASH] Single backslash is prohibited")
        elif pair == "\\u" and text == "\\u0000":
            return "\0"
        elif pair.startswith("\\u") and len(text) >= index + 6:
            out += chr(int(text[index + 2 : index + 6], 16))
            index += 6
        else:
            out += text[index]
            index += 1
    return out


def _one(text: str, name: str) -> str:
    if (len(text) > 1 and text == "\\u0000") or text == "\0":
        return ""
    if len(text) > 1:
        raise _illegal(f"{name} cannot be more than one character")
    return text


def _illegal(message: str) -> Exception:
    from pyspark.errors import IllegalArgumentException

    error: Any = IllegalArgumentException(message)
    return error  # type: ignore[no-any-return]
