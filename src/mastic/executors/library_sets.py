"""Sets of Python modules in the versions that have been tried together, each with the hashes of its files.

A set comes first and alone, so that every file of it is held against its hash; what a job names besides is then fitted
to it, and takes the place of what it names. Owns nothing: the sets are files of this package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
# Options of the installer that say where packages come from and how to get there, with a value and without.
_PLACES = frozenset(
    "-i --index-url --extra-index-url -f --find-links --proxy --cert --client-cert --trusted-host --timeout "
    "--retries".split()
)
_SHORT = ("-i", "-f")
_BARE = frozenset({"--no-index"})


def requirements(name: str, besides: Iterable[str], *, locks: Path = LOCKS) -> list[str]:
    """The set's lines for a requirements file, hashes and all, but for the projects that are wanted ``besides``."""
    named = {project(one) for one in besides}
    blocks: list[list[str]] = []
    for line in (locks / f"{name}.txt").read_text().splitlines():
        if line[:1].isalnum():
            blocks.append([line])
        elif line.strip() and not line.startswith("#"):
            blocks[-1].append(line)
    return ["\n".join(block) for block in blocks if project(block[0]) not in named]


def pin(requirement: str) -> str:
    """A line of a set without its hashes."""
    return requirement.split("\n", 1)[0].rstrip("\\ ")


def places(options: Iterable[str]) -> Iterator[str]:
    """Of a job's options for the installer those that say where packages come from."""
    words = iter(options)
    for word in words:
        name, equals, _ = word.partition("=")
        if name in _BARE or (name in _PLACES and equals) or (word[:2] in _SHORT and len(word) > 2):
            yield word
        elif word in _PLACES:
            yield word
            yield from (value for value in [next(words, None)] if value is not None)


def project(requirement: str) -> str:
    """A requirement's project, or a wheel's, spelt as an index does."""
    name = re.split(r"[\s\[<>=!~;@]", requirement.strip(), maxsplit=1)[0]
    name = name.split("-", 1)[0] if name.endswith(".whl") else name
    return re.sub(r"[-_.]+", "-", name).lower()
