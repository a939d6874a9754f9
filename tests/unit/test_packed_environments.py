"""What of a packed environment arrives."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

from mastic.executors import packed


def test_files_that_are_there_twice_arrive_twice(tmp_path: Path) -> None:
    """An archive holds the second one, a hard link, as a reference to the first."""
    inside = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    source, target = tmp_path / "source", tmp_path / "target"
    for place in (source, target):
        (place / inside).mkdir(parents=True)
    (source / inside / "one.py").write_text("MARK = 1\n")
    os.link(source / inside / "one.py", source / inside / "two.py")
    with tarfile.open(tmp_path / "env.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=".")
        assert sum(member.islnk() for member in archive.getmembers()) == 1
    packed.unpack(tmp_path / "env.tar.gz", target)
    assert {one.name for one in (target / inside).glob("*.py")} == {"one.py", "two.py"}
    assert (target / inside / "two.py").read_text() == "MARK = 1\n"
