"""What becomes of a run when its process has ended; the messages a process may send; its output as lines."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastic.executors import output
from mastic.executors.base import Result
from mastic.glue.jobs import messages
from mastic.glue.jobs.endings import Again, Ended, judge
from mastic.glue.jobs.lifecycle import Outcome


def ended(**given: Any) -> Ended:
    usual: dict[str, Any] = {
        "command": "glueetl", "asked_engine": "auto", "spark_installed": True, "launches": 1, "result": None,
        "exit_code": None, "began": True,
    }  # fmt: skip
    return Ended(**{**usual, **given})


REFUSED = Result(
    state="FAILED", exit_code=1, error_message="EngineRefused: x", engine="sail",
    refusal={"feature": "x", "safe_to_restart": True},
)  # fmt: skip


def test_success_tells_the_engine() -> None:
    result = Result(state="SUCCEEDED", exit_code=0, engine="sail", engine_reason="it can")
    verdict = judge(ended(result=result))
    assert verdict == Outcome(state="SUCCEEDED", state_detail="engine: sail (it can)")


@pytest.mark.parametrize(
    ("command", "message"),
    [("glueetl", "ValueError: no"), ("pythonshell", "Command failed with exit code 1: ValueError: no")],
)
def test_failure(command: str, message: str) -> None:
    verdict = judge(
        ended(command=command, result=Result(state="FAILED", exit_code=1, error_message="ValueError: no"))
    )
    assert isinstance(verdict, Outcome)
    assert (verdict.state, verdict.error_message, verdict.retry) == ("FAILED", message, True)


def test_a_refusal_moves_the_run_to_spark() -> None:
    verdict = judge(ended(result=REFUSED))
    assert isinstance(verdict, Again)
    assert verdict.engine == "spark"


def test_a_refusal_without_spark_names_the_command() -> None:
    verdict = judge(ended(result=REFUSED, spark_installed=False))
    assert isinstance(verdict, Outcome)
    assert "mastic runtime install spark-3.5" in (verdict.error_message or "")
    assert not verdict.retry


def test_a_refusal_after_a_write_is_final() -> None:
    unsafe = Result(
        state="FAILED", exit_code=1, error_message="E", refusal={"feature": "x", "safe_to_restart": False}
    )
    verdict = judge(ended(result=unsafe))
    assert isinstance(verdict, Outcome)
    assert "already written" in (verdict.error_message or "")


def test_a_refusal_of_an_engine_that_was_asked_for_is_final() -> None:
    verdict = judge(ended(result=REFUSED, asked_engine="sail"))
    assert isinstance(verdict, Outcome)
    assert verdict.state == "FAILED"


@pytest.mark.parametrize(
    ("code", "words"),
    [(None, "disappeared"), (-9, "signal 9 (SIGKILL)"), (-11, "SIGSEGV"), (7, "exit code 7")],
)
def test_a_lost_process_fails_with_the_reason(code: int | None, words: str) -> None:
    verdict = judge(ended(exit_code=code))
    assert isinstance(verdict, Outcome)
    assert verdict.state == "FAILED"
    assert words in (verdict.error_message or "")


def test_a_process_that_never_began_is_replaced_but_not_for_ever() -> None:
    assert isinstance(judge(ended(began=False)), Again)
    last = judge(ended(began=False, launches=3, complaint="no module named x"))
    assert isinstance(last, Outcome)
    assert "no module named x" in (last.error_message or "")


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("nonsense", 400),
        ([], 400),
        ({"type": "bookmark.get"}, 400),
        ({"version": 2, "type": "bookmark.get"}, 400),
        ({"version": 1, "type": "sing"}, 400),
        ({"version": 1, "type": "bookmark.commit", "bookmark": []}, 400),
        ({"version": 1, "type": "metrics", "metrics": {"a": "b"}}, 400),
        ({"version": 1, "type": "metrics", "metrics": {"a": True}}, 400),
        ({"version": 1, "type": "engine", "engine": "sail"}, 400),
    ],
)
def test_messages_that_are_not_answered(message: Any, status: int) -> None:
    body = message.encode() if isinstance(message, str) else json.dumps(message).encode()
    with pytest.raises(messages.Refusal) as raised:
        messages.parse(body)
    assert raised.value.reply.status == status


def test_messages_agree_with_the_published_schema() -> None:
    schema = json.loads(
        (Path(__file__).parents[2] / "packages/awsglue/awsglue/_runtime/schemas/channel.v1.json").read_text()
    )
    published = {
        variant["properties"]["type"]["const"]: set(variant["required"]) - {"version", "type"}
        for variant in schema["oneOf"]
    }
    assert {kind: set(members) for kind, members in messages._MEMBERS.items()} == published


@given(parts=st.lists(st.binary(max_size=30), max_size=8))
def test_output_read_in_pieces_is_the_output(parts: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        lines: list[str] = []
        offset = 0
        with path.open("ab", buffering=0) as file:
            for part in parts:
                file.write(part)
                found, offset = output.read(path, offset, final=False)
                lines += found
        while True:
            found, after = output.read(path, offset, final=True)
            lines += found
            if after == offset:
                break
            offset = after
        whole = b"".join(parts)
        expected = (whole[:-1] if whole.endswith(b"\n") else whole).split(b"\n") if whole else []
        assert lines == [raw.decode("utf-8", "replace").rstrip("\r") for raw in expected]
        assert offset == len(whole)


def test_a_line_without_end_waits(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("whole\nhal")
    assert output.read(path, 0, final=False) == (["whole"], 6)
    assert output.read(path, 6, final=False) == ([], 6)
    assert output.read(path, 6, final=True) == (["hal"], 9)


def test_a_very_long_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"x" * 500_000 + b"\n")
    lines, offset = output.read(path, 0, final=False)
    while offset < 500_001:
        more, offset = output.read(path, offset, final=True)
        lines += more
    assert "".join(lines) == "x" * 500_000
    assert max(map(len, lines)) <= output.LONGEST


@settings(deadline=None, max_examples=25)
@given(st.text(alphabet="aäß€🙂", min_size=1, max_size=12), st.integers(0, 3))
def test_long_lines_are_cut_between_characters(unit: str, lead: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        line = "x" * lead + unit * (output.LONGEST * 3 // len(unit.encode()))
        path.write_text(f"{line}\nnext\n", encoding="utf-8")
        found: list[str] = []
        offset = 0
        while True:
            more, after = output.read(path, offset, final=False)
            found += more
            if after == offset:
                break
            offset = after
        assert offset == path.stat().st_size
        assert found[-1] == "next"
        assert "".join(found[:-1]) == line
        assert max(len(part.encode()) for part in found) <= output.LONGEST


def test_bytes_that_are_no_text_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"\x80" * (output.LONGEST + 10) + b"\n")
    lines, offset = output.read(path, 0, final=False)
    assert (sum(map(len, lines)), offset) == (output.LONGEST + 10, path.stat().st_size)
