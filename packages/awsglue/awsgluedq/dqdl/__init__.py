"""DQDL, the Data Quality Definition Language: text to values and back.

It knows no engine and imports nothing of `awsglue`: whoever wants to check a ruleset (a server, an editor) uses it, or
runs `python -m awsgluedq.dqdl`.
"""

from awsgluedq.dqdl.model import (
    Analyzer,
    AnyRule,
    Composite,
    Condition,
    DqdlError,
    Rule,
    Ruleset,
    leaves,
)
from awsgluedq.dqdl.parsing import parse
from awsgluedq.dqdl.text import analyzer_text, rule_text

__all__ = [
    "Analyzer",
    "AnyRule",
    "Composite",
    "Condition",
    "DqdlError",
    "Rule",
    "Ruleset",
    "analyzer_text",
    "leaves",
    "parse",
    "rule_text",
]
