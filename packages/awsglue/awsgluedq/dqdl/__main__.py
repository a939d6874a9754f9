"""Checks rulesets: one JSON text per line of standard input, one JSON answer per line of standard output.

{"rules": [normal spelling, …], "analyzers": […]} or {"problems": [message, …]}.
"""

from __future__ import annotations

import json
import sys

from awsgluedq.dqdl import DqdlError, analyzer_text, parse, rule_text


def answer(text: str) -> dict[str, list[str]]:
    """What there is to say of one ruleset."""
    try:
        ruleset = parse(text)
    except DqdlError as error:
        return {"problems": error.problems}
    return {
        "rules": [rule_text(rule) for rule in ruleset.rules],
        "analyzers": [analyzer_text(one) for one in ruleset.analyzers],
    }


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
