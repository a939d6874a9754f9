"""The house stays as it was drawn: imports, sizes, docs and migrations agree with the code."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mastic import coverage
from mastic.store import migrate, schema
from mastic.store.engine import Store
from tests import order
from tests.conftest import ROOT

# Migrations are history, not rooms.
SOURCES = [
    path
    for folder in ("src", "packages")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "versions" not in path.parts
]
LONGEST_FILE = 450


def test_imports_go_downwards() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "packages/awsglue")}
    ran = subprocess.run([linter], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_files_are_rooms_not_halls() -> None:
    long = {
        str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long, f"these are two ideas each: {long}"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert not silent


def test_errors_are_never_swallowed() -> None:
    swallowed = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.ExceptHandler)
                and len(node.body) == 1
                and isinstance(node.body[0], ast.Pass)
            ):
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
                )
                if broad:
                    swallowed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not swallowed


def test_the_order_of_the_suite_names_what_there_is() -> None:
    for beginning in order.LONG:
        file, _, test = beginning.partition("::")
        assert (ROOT / file).exists(), file
        assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text() if test else True, beginning


def test_the_coverage_page_is_true() -> None:
    assert (ROOT / "docs" / "coverage.md").read_text() == coverage.page(), "run make docs"


def test_migrations_make_the_present_schema(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    migrate.upgrade(store)
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.load())
    store.close()
    assert differences == []


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_links_in_docs_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if not target.startswith(("http", "mailto:")):
            assert (path.parent / target).exists(), f"{path.name} → {target}"
