"""Spark configuration as Glue passes it: `--conf "a=b --conf c=d"`, one argument holding several settings."""

from __future__ import annotations

import re

_SEPARATOR = re.compile(r"\s+--conf[\s=]+")


def spark_conf(arguments: dict[str, str]) -> dict[str, str]:
    """The spark.* settings of a job's arguments.

    Glue allows one `--conf` key per job, so several settings are joined in its value with ` --conf `.
    Raises ValueError for what is no setting, as spark-submit does.
    """
    value = arguments.get("--conf") or arguments.get("conf") or ""
    settings: dict[str, str] = {}
    for part in _SEPARATOR.split(" " + value.strip()):
        key, equals, text = part.strip().partition("=")
        key = key.removeprefix("--conf").strip()
        if not key:
            continue
        if not equals:
            raise ValueError(
                f"Spark config without '=': {key} (--conf takes key=value, and several as a=1 --conf b=2)"
            )
        settings[key] = _unquote(text.strip())
    return settings


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
