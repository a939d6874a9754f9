"""Job: begins and ends a run, and with it the run's bookmark.

The state of the running job is this process's: a job process runs one job. `init` loads the bookmark through the
channel, sources record what they read under their transformation_ctx, and `commit` alone makes it last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from awsglue._defaults import NOTHING
from awsglue._logger import GlueLogger
from awsglue._runtime import engine
from awsglue._sources.bookmarks import Bookmarks

__all__ = ["Job"]


class Job:
    """The running job."""

    _bookmarks: ClassVar[Bookmarks | None] = None
    _name: ClassVar[str] = ""

    @classmethod
    def continuation_options(cls) -> list[str]:
        return ["continuation-enabled", "continuation-readonly", "continuation-ignore"]

    @classmethod
    def job_bookmark_options(cls) -> list[str]:
        return ["job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable"]

    @classmethod
    def job_bookmark_range_options(cls) -> list[str]:
        return ["job-bookmark-from", "job-bookmark-to"]

    @classmethod
    def id_params(cls) -> list[str]:
        return ["JOB_NAME", "JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION"]

    @classmethod
    def encryption_type_options(cls) -> list[str]:
        return ["sse-s3"]

    @classmethod
    def data_lineage_options(cls) -> list[str]:
        return ["enable-data-lineage"]

    def __init__(self, glue_context: Any) -> None:
        """Takes a GlueContext or a SparkSession. Raises Exception for anything else."""
        from awsglue.context import GlueContext

        if isinstance(glue_context, GlueContext):
            self._context: Any = glue_context
        elif hasattr(glue_context, "sql") and hasattr(glue_context, "createDataFrame"):
            self._context = glue_context
        else:
            raise Exception(
                "Job must be given a GlueContext or a SparkSession as argument to its constructor, "
                f"not {type(glue_context).__name__}"
            )

    def init(self, job_name: str, args: Mapping[str, Any] | None = NOTHING) -> None:
        """Begin: load the job's bookmark as the arguments ask for it."""
        Job._name = job_name
        Job._bookmarks = Bookmarks.load(args or {})

    def isInitialized(self) -> bool:
        """Whether init was called."""
        return Job._bookmarks is not None

    def commit(self) -> None:
        """End: what was read up to here will not be read again.

        Before init there is no bookmark to keep: scripts that began as notebooks call commit alone.
        """
        if Job._bookmarks is None:
            GlueLogger().warn("Job.commit was called before Job.init: there is no bookmark to keep")
            return
        if Job._bookmarks.commit():
            # A second start of the script, on another engine, would take what was just read for done.
            engine.mark_written()

    @classmethod
    def bookmarks(cls) -> Bookmarks | None:
        """The running job's bookmark, None before init."""
        return cls._bookmarks
