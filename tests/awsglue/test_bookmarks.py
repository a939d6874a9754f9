"""Job bookmarks: what is read again and what is not."""

from __future__ import annotations

import os
import time
from datetime import UTC

import pytest

from awsglue._runtime.channel import Channel, MemoryTransport
from awsglue._sources.bookmarks import Bookmarks
from awsglue._sources.listing import SourceFile
from awsglue._sources.selection import choose

NOW = 1_700_000_000_000
BAND = 900_000


def file(name, milliseconds, size=1):
    from datetime import datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return SourceFile(path=name, root="/", size=size, modified=moment)


class History:
    """Runs of one job over a list of files, by a clock of its own."""

    def __init__(self):
        self.channel = Channel(MemoryTransport())

    def bookmarks(self, option="job-bookmark-enable"):
        before = self.channel.bookmark_get()["bookmark"] or {}
        return Bookmarks(option=option, channel=self.channel, before=before)

    def run(self, files, now, ctx="c", commit=True, option="job-bookmark-enable", **options):
        bookmarks = self.bookmarks(option)
        chosen = choose(files, options, ctx, bookmarks, ("s3", ["/"]), clock=lambda: now)
        if commit:
            bookmarks.commit()
        return [one.path for one in chosen]


def test_only_new_files():
    history = History()
    first = [file("a", NOW - 10 * BAND), file("b", NOW - 1000)]
    assert history.run(first, NOW) == ["a", "b"]
    assert history.run(first, NOW + 5000) == []
    assert history.run([*first, file("c", NOW + 6000)], NOW + 7000) == ["c"]
    assert history.run([*first, file("c", NOW + 6000)], NOW + 8000) == []


def test_files_that_become_visible_late():
    """A file may be listed only after a run although its time is before it: within the band it is not lost."""
    history = History()
    assert history.run([file("a", NOW - 1000)], NOW) == ["a"]
    late = [file("a", NOW - 1000), file("late", NOW - BAND + 1), file("too late", NOW - BAND - 1)]
    assert history.run(late, NOW + 1000) == ["late"]


def test_a_rewritten_file_is_read_again():
    history = History()
    history.run([file("a", NOW - 1000)], NOW)
    assert history.run([file("a", NOW + 1)], NOW + 1000) == ["a"]


def test_nothing_lasts_without_commit():
    history = History()
    files = [file("a", NOW - 1000)]
    assert history.run(files, NOW, commit=False) == ["a"]
    assert history.run(files, NOW + 1) == ["a"]
    assert history.run(files, NOW + 2) == []


def test_pause_reads_what_is_new_and_saves_nothing():
    history = History()
    history.run([file("a", NOW - 1000)], NOW)
    both = [file("a", NOW - 1000), file("b", NOW + 1)]
    for _ in range(2):
        assert history.run(both, NOW + 5, option="job-bookmark-pause") == ["b"]
    assert history.run(both, NOW + 6, option="job-bookmark-disable") == ["a", "b"]


def test_no_ctx_no_bookmark():
    history = History()
    files = [file("a", NOW - 1000)]
    assert history.run(files, NOW, ctx="") == ["a"]
    assert history.run(files, NOW, ctx="") == ["a"]


def test_each_ctx_has_its_own():
    history = History()
    files = [file("a", NOW - 1000)]
    assert history.run(files, NOW, ctx="one") == ["a"]
    assert history.run(files, NOW + 1, ctx="two") == ["a"]
    assert history.run(files, NOW + 2, ctx="one") == []


def test_bounded_runs_go_through_all_files_once():
    history = History()
    files = [file(f"{n}", NOW - 20 * BAND + n) for n in range(5)] + [
        file(f"new{n}", NOW - 10 + n) for n in range(3)
    ]
    seen = []
    for step in range(6):
        seen += history.run(files, NOW + step, boundedFiles="2")
    assert sorted(seen) == sorted(one.path for one in files)


def test_more_files_in_the_band_than_can_be_remembered_wait():
    history = History()
    files = [file(f"{n}", NOW - 100 + n) for n in range(5)]
    seen = history.run(files, NOW, maxFilesInBand=3)
    assert len(seen) == 3
    assert sorted(seen + history.run(files, NOW + 1, maxFilesInBand=3)) == [f"{n}" for n in range(5)]


def test_random_arrivals_are_each_read_once():
    """Files arrive with times up to the band in the past, runs come at any time: none is lost, none read twice."""
    import random

    for seed in range(30):
        dice = random.Random(seed)
        history, present, seen, now = History(), [], [], NOW
        for _ in range(25):
            now += dice.randrange(1, BAND)
            for _ in range(dice.randrange(3)):
                present.append(file(f"f{len(present)}", now - dice.randrange(0, BAND // 2)))
            commit = dice.random() < 0.8
            chosen = history.run(present, now, commit=commit)
            seen += chosen if commit else []
        seen += history.run(present, now + 1)
        assert sorted(seen) == sorted(one.path for one in present)


@pytest.fixture
def job(glue, monkeypatch):
    """Runs of a job: job(ctx-reading function) reads, commits, and gives what was read."""
    from awsglue.job import Job

    transport = MemoryTransport()
    monkeypatch.setattr(Channel, "from_environment", classmethod(lambda cls: cls(transport)))

    def run(read, commit=True, option="job-bookmark-enable"):
        job = Job(glue)
        job.init("j", {"job_bookmark_option": option})
        found = read()
        if commit:
            job.commit()
        return found

    yield run
    Job._bookmarks = None


def test_a_job_reads_each_file_once(glue, job, tmp_path):
    def read():
        frame = glue.create_dynamic_frame.from_options(
            "s3", {"paths": [f"file://{tmp_path}"]}, format="json", transformation_ctx="source"
        )
        return sorted(row["n"] for row in frame.toDF().collect()) if frame.count() else []

    (tmp_path / "a.json").write_text('{"n": 1}\n')
    assert job(read, commit=False) == [1]
    assert job(read) == [1]
    assert job(read) == []
    (tmp_path / "b.json").write_text('{"n": 2}\n')
    assert job(read) == [2]
    later = time.time() + 5
    (tmp_path / "a.json").write_text('{"n": 3}\n')
    os.utime(tmp_path / "a.json", (later, later))
    assert job(read, option="job-bookmark-pause") == [3]
    assert job(read) == [3]
    assert job(read, option="job-bookmark-disable") == [2, 3]


def test_a_commit_forbids_a_start_on_another_engine(glue, job, tmp_path, monkeypatch):
    from awsglue._runtime import engine

    def read():
        glue.create_dynamic_frame.from_options(
            "s3", {"paths": [f"file://{tmp_path}"]}, format="json", transformation_ctx="source"
        ).count()

    (tmp_path / "a.json").write_text('{"n": 1}\n')
    monkeypatch.setattr(engine.STATE, "wrote", False)
    job(read, option="job-bookmark-pause")
    assert not engine.STATE.wrote
    job(read)
    assert engine.STATE.wrote


def test_job_takes_contexts_and_sessions(glue, spark):
    from awsglue.job import Job

    assert Job(spark)
    assert Job(glue)
    with pytest.raises(Exception, match="GlueContext"):
        Job("neither")


def test_commit_before_init(glue, monkeypatch, capfd):
    from awsglue.job import Job

    monkeypatch.setattr(Job, "_bookmarks", None)
    assert not Job(glue).isInitialized()
    Job(glue).commit()
    assert "before Job.init" in capfd.readouterr().err
