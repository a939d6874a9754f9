"""Accumulators where driver and workers are one process. Owns its value."""

from __future__ import annotations

import threading
import uuid
from typing import Any

# Functions are pickled on their way to the engine; the copy must find the original again.
_ALIVE: dict[str, Accumulator] = {}


class Accumulator:
    """A sum that functions of this process add to."""

    def __init__(self, value: Any, param: Any = None) -> None:
        self._value = value
        self._param = param
        self._lock = threading.Lock()
        self._id = uuid.uuid4().hex
        _ALIVE[self._id] = self

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = value

    def add(self, term: Any) -> None:
        with self._lock:
            self._value = self._param.addInPlace(self._value, term) if self._param else self._value + term

    def __iadd__(self, term: Any) -> Accumulator:
        self.add(term)
        return self

    def __reduce__(self) -> Any:
        return _find, (self._id,)

    def __repr__(self) -> str:
        return f"Accumulator<value={self._value}>"


def _find(identity: str) -> Accumulator:
    if identity not in _ALIVE:
        raise RuntimeError(
            "accumulators add up in the run's own process alone: this function works in another one"
        )
    return _ALIVE[identity]
