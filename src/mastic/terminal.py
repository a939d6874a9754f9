"""What operators see of Mastic: its words on the terminal, and their mistakes told in one line. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from mastic.errors import Refused

out = Console()
err = Console(stderr=True)


@contextmanager
def refusals() -> Iterator[None]:
    """An operator's mistake is told in one line, without a traceback, and ends the process."""
    try:
        yield
    except Refused as refusal:
        err.print(f"[bold red]mastic:[/bold red] {escape(str(refusal))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
