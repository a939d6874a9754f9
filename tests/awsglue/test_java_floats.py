"""Doubles and floats as Java 17 writes them; what it writes for these was recorded from it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsglue._runtime.io import texts

DOUBLES = {
    2.0e-3: "0.002",
    1.0e-3: "0.001",
    9.999e-4: "9.999E-4",
    9999999.0: "9999999.0",
    1.0e7: "1.0E7",
    1.0e10: "1.0E10",
    2.2250738585072014e-308: "2.2250738585072014E-308",
    5e-324: "4.9E-324",
    8e-323: "7.9E-323",
    2e23: "1.9999999999999998E23",
    8.41e21: "8.409999999999999E21",
    2.0**-44: "5.6843418860808015E-14",
    3.349937597997725e17: "3.3499375979977248E17",
    1.998380253006314e17: "1.99838025300631392E17",
    1.020640762992391e-202: "1.0206407629923909E-202",
    4.8726570057e288: "4.8726570056999995E288",
    1.0e16: "1.0E16",
}
FLOATS = {
    1.0e16: "1.00000003E16",
    1.0e17: "9.9999998E16",
    1.401298464324817e-45: "1.4E-45",
    -7.086203392296131e25: "-7.0862032E25",
    5.5316809e13: "5.5316809E13",
    0.1: "0.1",
}


@pytest.mark.parametrize("value", DOUBLES)
def test_a_double_has_javas_digits(value: float) -> None:
    assert texts.java_double(value) == DOUBLES[value]
    assert texts.java_double(-value) == f"-{DOUBLES[value]}"


@pytest.mark.parametrize("value", FLOATS)
def test_a_float_has_javas_digits(value: float) -> None:
    assert texts.java_float(value) == FLOATS[value]


@given(st.floats(allow_nan=False))
def test_a_double_is_what_its_text_says(value: float) -> None:
    assert float(texts.java_double(value)) == value


@given(st.floats(allow_nan=False, width=32))
def test_a_float_is_what_its_text_says(value: float) -> None:
    (read,) = struct.unpack("<f", struct.pack("<f", float(texts.java_float(value))))
    assert read == value
