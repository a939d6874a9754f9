"""The JSON options of a read, with Spark's names and defaults."""

from __future__ import annotations

from dataclasses import dataclass

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.csv_options import CORRUPT_COLUMN, MODES


@dataclass(frozen=True, kw_only=True)
class JsonOptions:
    """One read's options, checked."""

    multi_line: bool = False
    mode: str = "PERMISSIVE"
    corrupt_column: str = CORRUPT_COLUMN
    primitives_as_string: bool = False
    prefers_decimal: bool = False
    single_quotes: bool = True
    unquoted_names: bool = False
    comments: bool = False
    leading_zeros: bool = False
    any_escape: bool = False
    control_chars: bool = False
    non_numeric: bool = True
    drop_all_null: bool = False
    infer_timestamp: bool = False
    encoding: str = "UTF-8"
    line_separator: str = ""
    date_format: str = ""
    timestamp_format: str = ""
    session_zone: str = "UTC"
    # Hive's JSON tables: names in the catalog are lower case, names in the files as they like.
    fold_names: bool = False


def json_options(options: dict[str, str], session_zone: str = "UTC") -> JsonOptions:
    """The options as given to a reader. Raises EngineRefused for a locale other than en-US."""
    lower = {key.lower(): str(value) for key, value in options.items()}

    def flag(name: str, default: bool = False) -> bool:
        return lower.get(name.lower(), str(default)).lower() == "true"

    if lower.get("locale", "en-US").replace("_", "-") != "en-US":
        raise EngineRefused("JSON option locale", lower["locale"])
    mode = lower.get("mode", "PERMISSIVE").upper()
    return JsonOptions(
        multi_line=flag("multiLine"),
        mode=mode if mode in MODES else "PERMISSIVE",
        corrupt_column=lower.get("columnnameofcorruptrecord", CORRUPT_COLUMN),
        primitives_as_string=flag("primitivesAsString"),
        prefers_decimal=flag("prefersDecimal"),
        single_quotes=flag("allowSingleQuotes", True),
        unquoted_names=flag("allowUnquotedFieldNames"),
        comments=flag("allowComments"),
        leading_zeros=flag("allowNumericLeadingZeros"),
        any_escape=flag("allowBackslashEscapingAnyCharacter"),
        control_chars=flag("allowUnquotedControlChars"),
        non_numeric=flag("allowNonNumericNumbers", True),
        drop_all_null=flag("dropFieldIfAllNull"),
        infer_timestamp=flag("inferTimestamp"),
        encoding=lower.get("encoding", lower.get("charset", "UTF-8")),
        line_separator=lower.get("linesep", ""),
        date_format=lower.get("dateformat", ""),
        timestamp_format=lower.get("timestampformat", ""),
        session_zone=lower.get("timezone", session_zone),
        fold_names=flag("caseInsensitive"),
    )
