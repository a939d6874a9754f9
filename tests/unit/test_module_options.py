"""Modules for a job: options of the installer that say where they go are refused; files of a set are checked."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mastic.executors import library_sets
from mastic.executors.base import InstallationFailed, ModuleSet
from mastic.executors.modules import ModuleEnvironments


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


def test_what_a_set_shares_with_the_runtimes_is_of_their_versions() -> None:
    """Else it would replace what the job library has been tried with."""

    def pins(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in library_sets.requirements(name, ()):
            pin = library_sets.pin(line).partition(";")[0].strip()
            found.setdefault(library_sets.project(line), set()).add(pin)
        return found

    given = pins("glueetl")
    for runtime in ("sail", "spark-3.5", "spark-4.1"):
        there = pins(runtime)
        shared = given.keys() & there.keys()
        assert "pandas" in shared
        assert {name: given[name] for name in shared} == {name: there[name] for name in shared}


def test_a_library_set_comes_in_its_versions_but_for_what_is_named() -> None:
    lines = library_sets.requirements("analytics", ())
    projects = {library_sets.project(line) for line in lines}
    assert {
        "awswrangler",
        "redshift-connector",
        "pyathena",
        "sqlalchemy",
        "s3fs",
        "psycopg2-binary",
    } <= projects
    assert all("==" in library_sets.pin(line) and "\n    --hash=sha256:" in line for line in lines)
    own = ("SQLAlchemy<2", "redshift_connector-2.0.907-py3-none-any.whl")
    less = library_sets.requirements("analytics", own)
    assert projects - {library_sets.project(line) for line in less} == {"sqlalchemy", "redshift-connector"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--index-url=https://a", "--pre"), ["--index-url=https://a"]),
        (("--pre", "-i", "https://a", "--no-index"), ["-i", "https://a", "--no-index"]),
        (("-fdist", "--no-binary", ":all:"), ["-fdist"]),
        (("--retries",), ["--retries"]),
    ],
)
def test_a_set_is_fetched_from_where_the_job_says(options: tuple[str, ...], kept: list[str]) -> None:
    assert list(library_sets.places(options)) == kept


def wheel(place: Path, name: str, version: str, *, needs: str = "") -> str:
    """A wheel with one module that tells its version; returns its hash."""
    path = place / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"version = {version!r}\n")
        file.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Wheels, and a set of two of them."""
    place = tmp_path / "dist"
    place.mkdir()
    hashes = {name: wheel(place, name, "1.0") for name in ("masticset_a", "masticset_b")}
    wheel(place, "masticset_b", "2.0")
    wheel(place, "masticset_c", "1.0", needs="masticset_b")
    wheel(place, "masticset_d", "1.0", needs="masticset_b>=2")
    lines = [f"{name.replace('_', '-')}==1.0 \\\n    --hash=sha256:{one}" for name, one in hashes.items()]
    (tmp_path / "analytics.txt").write_text("\n".join([*lines, ""]))
    return place


def installed(tmp_path: Path, dist: Path, *modules: str) -> list[str]:
    """Versions of the set's modules and of those that are named."""
    environments = ModuleEnvironments(
        directory=tmp_path / "made", interpreter=lambda runtime: Path(sys.executable), locks=tmp_path
    )
    wanted = ModuleSet(
        modules=modules, library_set="analytics", options=("--no-index", "--find-links", str(dist))
    )
    python = environments.find("sail", wanted, abandoned=lambda: False)
    names = ["masticset_a", "masticset_b", *(one for one in modules if one.isidentifier())]
    code = f"import {', '.join(names)}\nfor one in ({', '.join(names)},): print(one.version)"
    ran = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_what_is_named_is_fitted_to_the_set(tmp_path: Path, dist: Path) -> None:
    assert installed(tmp_path, dist) == ["1.0", "1.0"]
    assert installed(tmp_path, dist, "masticset_c") == ["1.0", "1.0", "1.0"]
    assert installed(tmp_path, dist, "masticset-b==2.0", "masticset_d") == ["1.0", "2.0", "1.0"]
    with pytest.raises(InstallationFailed, match="masticset"):
        installed(tmp_path, dist, "masticset_d")


def test_a_file_with_another_hash_is_not_installed(tmp_path: Path, dist: Path) -> None:
    path = dist / "masticset_a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("more.py", "")
    with pytest.raises(InstallationFailed, match="DO NOT MATCH THE HASHES"):
        installed(tmp_path, dist)
    with pytest.raises(InstallationFailed, match="DO NOT MATCH THE HASHES"):
        installed(tmp_path, dist, "masticset_c")
