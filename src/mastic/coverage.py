"""``python -m mastic.coverage``: the page that lists which operations are there, made from the registry.

Owns no state.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mastic import app
from mastic.config import Config
from mastic.wire.dispatch import Coverage

_HEAD = """# Coverage

Which operations of each service Mastic performs. The page is made from the registry of handlers (`make docs`);
an operation that is not listed as performed answers a modelled error that says so.

| service | performed | of |
|---|---|---|
"""


def page() -> str:
    """The page's text."""
    with tempfile.TemporaryDirectory() as folder:
        built = app.build(Config(data_dir=Path(folder)))
        try:
            table: Mapping[str, Coverage] = built.registry.coverage()
        finally:
            built.stop()
    lines = [
        f"| [{s}](#{s}) | {len(c.implemented)} | {len(c.implemented) + len(c.missing)} |"
        for s, c in table.items()
    ]
    parts = [_HEAD + "\n".join(lines)]
    for service, coverage in table.items():
        parts.append(f"## {service}\n\n**Performed:** {_names(coverage.implemented)}")
        if coverage.missing:
            parts.append(f"**Refused:** {_names(coverage.missing)}")
    return "\n\n".join(parts) + "\n"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{n}`" for n in names)


if __name__ == "__main__":
    sys.stdout.write(page())
