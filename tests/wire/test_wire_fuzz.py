"""Requests made from the models against the real handlers: no 500, no hang, and every success is one a client can read.

`make fuzz` runs the same for ten minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_hostile_requests_leave_no_memory_behind(fuzz: Fuzzer) -> None:
    chance, process = random.Random(7), psutil.Process()
    operations = [one for one in fuzz.operations if one.service.id == "glue"]

    def round_of(count: int) -> int:
        for _ in range(count):
            fuzz.send(chance, chance.choice(operations), 0.4)
        return int(process.memory_info().rss)

    before = round_of(500)
    assert round_of(1000) - before < 64 * 2**20
