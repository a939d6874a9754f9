"""A server's plain command line means what the command line that explains itself makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from mastic import serving
from mastic.__main__ import OPTIONS, plain
from mastic.cli import app
from tests.ports import free_port


@pytest.mark.parametrize(
    "arguments",
    [
        ["up"],
        ["up", "--port", "0"],
        ["up", "--port=4567", "--data-dir=/tmp/x y"],
        ["up", "--data-dir", "a/../b", "--host", "::1", "--log-level", "debug"],
        ["up", "--database-url=postgresql://u:p=q@h/d", "--hive-metastore-port", "0907", "--port", "1", "--port", "2"],
        ["up", "--host="],
        ["up", "--data-dir", "~/x"],
    ],
)  # fmt: skip
def test_plain_settings_are_the_same(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(serving, "become", told.append)
    assert CliRunner().invoke(app, arguments).exit_code == 0
    read = plain(arguments)
    assert read is not None
    kinds = {"data_dir": Path, "port": int, "hive_metastore_port": int}
    assert {name: value for name, value in told[0].items() if value is not None} == {
        name: kinds.get(name, str)(value) for name, value in read.items()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["demo"],
        ["--version"],
        ["up", "--help"],
        ["up", "--port"],
        ["up", "--port", "x"],
        ["up", "--port", "-1"],
        ["up", "--port", "\u0664"],
        ["up", "port", "1"],
        ["up", "-port", "1"],
        ["up", "--data_dir", "x"],
        ["up", "--host", "--port", "1"],
        ["up", "--unknown=1"],
        ["up", "--port", "1", "more"],
    ],
)
def test_all_else_is_left_to_what_explains_itself(arguments: list[str]) -> None:
    assert plain(arguments) is None


def test_no_option_is_forgotten() -> None:
    up: Any = get_command(app).commands["up"]  # type: ignore[attr-defined]
    offered = {option for parameter in up.params for option in parameter.opts}
    assert offered - {"--help"} == {f"--{name}" for name in OPTIONS}


def test_costs_of_a_server_that_is_not_there_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    address = f"http://127.0.0.1:{free_port()}"
    ended = CliRunner().invoke(app, ["costs", "--endpoint-url", address])
    assert ended.exit_code == 2
    told = ended.stderr + capsys.readouterr().err
    assert f"mastic: The runs cannot be asked of {address}: Could not connect" in told
