"""Requests made from the models against the real handlers: no 500, no hang, and every success is one a client can read.

`make fuzz` runs the same for ten minutes.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastic.context import Context
from tests.wire.fuzzing import PROTOCOLS, Fuzzer, fuzzer

CATALOG = frozenset({"glue"})
NEIGHBOURS = frozenset(PROTOCOLS) - CATALOG
WILDNESS = st.sampled_from([0.0, 0.02, 0.1, 0.4])


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    with fuzzer(tmp_path_factory.mktemp("fuzz") / "data") as made:
        yield made


def _examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@_examples(700)
@given(chance=st.randoms(use_true_random=True), wildness=WILDNESS)
def test_the_catalog_answers_whatever_comes(fuzz: Fuzzer, chance: random.Random, wildness: float) -> None:
    fuzz.send(chance, fuzz.pick(chance, CATALOG), wildness)


@_examples(300)
@given(chance=st.randoms(use_true_random=True), wildness=WILDNESS)
def test_the_neighbours_answer_whatever_comes(fuzz: Fuzzer, chance: random.Random, wildness: float) -> None:
    fuzz.send(chance, fuzz.pick(chance, NEIGHBOURS), wildness)


def test_hostile_requests_leave_nothing_behind(fuzz: Fuzzer) -> None:
    chance = random.Random(7)
    operations = [one for one in fuzz.operations if one.service.id == "glue"]
    for _ in range(600):
        fuzz.send(chance, chance.choice(operations), 0.4)
    gc.collect()
    # An error that is kept keeps its frames, and with them all of its request.
    assert sum(isinstance(one, Context) for one in gc.get_objects()) < 20
