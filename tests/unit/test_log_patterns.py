"""CloudWatch Logs filter patterns: the three languages, their refusals, and that no pattern breaks them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.aws.logs.patterns import InvalidPattern, compile_pattern

ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR Exception", "ERROR: KeyException", True),
        ("ERROR Exception", "ERROR alone", False),
        ('"exact phrase"', "an exact phrase indeed", True),
        ('"exact phrase"', "exact  phrase", False),
        (r'"say \"hi\""', 'he will say "hi" now', True),
        ("ERROR -timeout", "ERROR disk", True),
        ("ERROR -timeout", "ERROR timeout", False),
        ('-"not this"', "do not this", False),
        ("-INFO", "WARN", True),
        ("?ERROR ?Exception", "java.lang.NullPointerException", True),
        ("?ERROR ?Exception", "all is well", False),
        ('?ERROR ?"two words"', "two words", True),
        ("%[0-9]{3}%", "status 404", True),
        ("%^[0-9]{3}$%", "status 404", False),
        ("{ $.level = ERROR }", '{"level":"ERROR"}', True),
        ('{ $.level = "E*R" }', '{"level":"ERROR"}', True),
        ('{ $.level != "INFO" }', '{"level":"WARN"}', True),
        ('{ $.level != "INFO" }', '{"other":1}', False),
        ("{ $.n >= 3.5 }", '{"n":3.5}', True),
        ("{ $.n > 1e2 }", '{"n":101}', True),
        ("{ $.n = 1 }", '{"n":"1"}', True),
        ("{ $.n = 1 }", '{"n":true}', False),
        ('{ $.a.b[1] = "x" }', '{"a":{"b":["y","x"]}}', True),
        ('{ $.a[*].k = "x" }', '{"a":[{"k":"y"},{"k":"x"}]}', True),
        ("{ $.['a.b'] = 1 }", '{"a.b":1}', True),
        ("{ $.u IS NULL }", '{"u":null}', True),
        ("{ $.u IS NULL }", "{}", False),
        ("{ $.u NOT EXISTS }", "{}", True),
        ("{ $.u IS TRUE }", '{"u":true}', True),
        ("{ $.u IS FALSE }", '{"u":true}', False),
        ("{ ($.a = 1 || $.a = 2) && $.b = 3 }", '{"a":2,"b":3}', True),
        ("{ $.a = 1 || $.a = 2 && $.b = 3 }", '{"a":1}', True),
        ("{ $.m = %[45][0-9]{2}% }", '{"m":"was 503"}', True),
        ("{ $.a = 1 }", "not json", False),
        ("{ $.a = 1 }", '{"a":', False),
        ("[a, b]", "one two", True),
        ("[a, b]", "one two three", False),
        ("[a, ...]", "one two three", True),
        ("[..., z = three]", "one two three", True),
        ("[ip, id, user, time, request = *html*, status = 4*, bytes > 1000]", ACCESS, True),
        ("[ip, id, user, time, request, status = 5*, bytes]", ACCESS, False),
        ("[w = WARN || w = ERROR, ...]", "ERROR it broke", True),
        ("[n > 1 && n < 5]", "7", False),
        ("[, second = b, ]", "a b c", True),
    ],
)
def test_matching(pattern: str, message: str, matches: bool) -> None:
    assert (compile_pattern(pattern).match(message) is not None) is matches


def test_the_values_that_a_pattern_names() -> None:
    assert compile_pattern("[ip, ..., status, bytes]").match(ACCESS) == {
        "$ip": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$5": "GET /index.html HTTP/1.0",
        "$status": "404",
        "$bytes": "1534",
    }
    found = compile_pattern("{ $.a = 1 && $.b.c = * }").match('{"a":1,"b":{"c":"x"}}')
    assert found == {"$.a": "1", "$.b.c": "x"}
    assert compile_pattern("ERROR").match("ERROR") == {}


def test_selected_values() -> None:
    pattern = compile_pattern("{ $.ok IS TRUE }")
    assert pattern.value('{"ok":true,"ms":12.5}', "$.ms") == 12.5
    assert pattern.value('{"ok":true}', "$.ms") is None
    assert compile_pattern("[..., bytes]").value(ACCESS, "$bytes") == "1534"


@pytest.mark.parametrize(
    "pattern",
    ["foo-bar", "a=b", "{ $.a = }", "{ $.a ~ 1 }", "{ a = 1 }", "{ $.a = 1", "{ $.a > x }", '{ $.a > "x" }',
     "{ $.a IS NICE }", "{ $.a = 1 } x", "[a b]", "[a, ..., ...]", "[a", "[a = 1 || b = 2]", "%(a+)+%", "%[%"],
)  # fmt: skip
def test_what_is_not_a_pattern(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_text_is_a_pattern_or_is_refused(pattern: str, message: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except InvalidPattern:
        return
    compiled.match(message)


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_quoted_phrase_is_found_wherever_it_stands(phrase: str, before: str, after: str) -> None:
    quoted = '"' + phrase.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert compile_pattern(quoted).match(before + phrase + after) is not None


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
def test_numbers_compare_as_numbers(left: int, right: int, operator: str) -> None:
    expected = {
        "=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
        ">=": left >= right,
    }[operator]  # fmt: skip
    pattern = compile_pattern(f"{{ $.n {operator} {right} }}")
    assert (pattern.match(json.dumps({"n": left})) is not None) is expected
