"""The nodes of a visual job as a graph: which node feeds which, in an order in which a script can do them. Pure."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from mastic.errors import invalid_input

_NOT_A_NAME = re.compile(r"\W+")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node. ``variable`` is what the script calls its frame; ``inputs`` are those of the nodes that feed it."""

    id: str
    kind: str
    body: Mapping[str, Any]
    variable: str
    inputs: tuple[str, ...]
    input_ids: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name that the user gave."""
        return str(self.body.get("Name") or self.kind)


def ordered(nodes: Mapping[str, Mapping[str, Any]]) -> list[Node]:
    """The nodes, each behind those that feed it; raises InvalidInputException for what is no graph."""
    kinds: dict[str, str] = {}
    feeds: dict[str, list[str]] = {}
    for key, given in nodes.items():
        present = [kind for kind, body in given.items() if body is not None]
        if len(present) != 1:
            found = ", ".join(present) or "none"
            raise invalid_input(
                f"CodeGenConfigurationNodes: node {key} has to be of one kind, but is of {found}"
            )
        kinds[key] = present[0]
        feeds[key] = list(given[present[0]].get("Inputs") or [])
        for source in feeds[key]:
            if source not in nodes:
                raise invalid_input(
                    f"CodeGenConfigurationNodes: node {key} has the input {source}, which is no node"
                )
    try:
        order = list(TopologicalSorter(feeds).static_order())
    except CycleError as error:
        raise invalid_input(
            f"CodeGenConfigurationNodes: nodes feed each other in a circle: {error.args[1]}"
        ) from error
    names = {key: _variable(str(nodes[key][kinds[key]].get("Name") or kinds[key]), key) for key in order}
    if len(set(names.values())) < len(names):
        names = {key: f"{name}_{number}" for number, (key, name) in enumerate(names.items())}
    return [
        Node(
            id=key,
            kind=kinds[key],
            body=nodes[key][kinds[key]],
            variable=names[key],
            inputs=tuple(names[source] for source in feeds[key]),
            input_ids=tuple(feeds[key]),
        )
        for key in order
    ]


def _variable(name: str, key: str) -> str:
    words = [_NOT_A_NAME.sub("", part) for part in (name, key)]
    made = "_".join(word for word in words if word)
    return f"node_{made}" if not made.isidentifier() or keyword.iskeyword(made) else made
