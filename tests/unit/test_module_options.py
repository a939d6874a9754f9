"""Options of the installer that say where modules go are refused, in every spelling that it understands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mastic.executors.base import InstallationFailed, ModuleSet
from mastic.executors.modules import ModuleEnvironments, _library_set, _project


def find(tmp_path: Path, wanted: ModuleSet) -> Path:
    environments = ModuleEnvironments(directory=tmp_path, interpreter=lambda runtime: Path(sys.executable))
    return environments.find("sail", wanted, abandoned=lambda: False)


@pytest.mark.parametrize(
    "option",
    ["--target=/x", "--target", "--targ=/x", "-t", "-t/x", "-qt/x", "-Ut", "--rep=/x", "--pref", "--dry"],
)
def test_places_are_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(InstallationFailed, match="is not served: it says where modules go"):
        find(tmp_path, ModuleSet(modules=("x",), options=(option,)))


@pytest.mark.parametrize("module", ["--target=/x", "-r", "-e."])
def test_an_option_is_no_module(tmp_path: Path, module: str) -> None:
    with pytest.raises(InstallationFailed, match="is no module"):
        find(tmp_path, ModuleSet(modules=(module,)))


@pytest.mark.parametrize("options", [("-r",), ("--pre",), ("-qv", "--no-index"), ("-f", "dist"), ("-fdist",)])
def test_others_reach_the_installer(tmp_path: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(InstallationFailed) as failure:
        find(tmp_path, ModuleSet(modules=("./no-such-module-here",), options=options))
    assert "no-such-module-here" in str(failure.value)


def test_a_library_set_comes_in_its_versions_but_for_what_is_named() -> None:
    pins = _library_set(ModuleSet(library_set="analytics"))
    projects = {_project(pin) for pin in pins}
    assert {
        "awswrangler",
        "redshift-connector",
        "pyathena",
        "sqlalchemy",
        "s3fs",
        "psycopg2-binary",
    } <= projects
    assert all("==" in pin for pin in pins)
    own = ("SQLAlchemy<2", "redshift_connector-2.0.907-py3-none-any.whl")
    less = _library_set(ModuleSet(modules=own, library_set="analytics"))
    assert projects - {_project(pin) for pin in less} == {"sqlalchemy", "redshift-connector"}
    assert _library_set(ModuleSet(modules=("x",))) == []
