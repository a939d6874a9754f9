"""Small helpers for creating and changing jobs through the Glue API."""

from __future__ import annotations

from typing import Any

__all__ = ["Command", "Connections", "ExecutionProperty", "GlueJobUtils", "Job"]


class ExecutionProperty(dict):  # type: ignore[type-arg]
    """ExecutionProperty of a job."""

    def __init__(self, maxConcurrentRuns: int = 1) -> None:
        super().__init__(MaxConcurrentRuns=maxConcurrentRuns)


class Command(dict):  # type: ignore[type-arg]
    """Command of a job."""

    def __init__(self, scriptLocation: str, name: str = "glueetl") -> None:
        super().__init__(Name=name, ScriptLocation=scriptLocation)


class Connections(dict):  # type: ignore[type-arg]
    """Connections of a job."""

    def __init__(self, connections: list[str] | None = None) -> None:
        super().__init__(Connections=list(connections or []))


class Job(dict):  # type: ignore[type-arg]
    """A job's definition, as CreateJob takes it; members that are None are left out."""

    def __init__(self, Name: str, Role: str, Command: dict[str, Any], **members: Any) -> None:
        given = {name: value for name, value in members.items() if value is not None}
        super().__init__(Name=Name, Role=Role, Command=Command, **given)


class GlueJobUtils:
    """Jobs by the Glue API of the environment, or of a client."""

    def __init__(self, client: Any = None) -> None:
        if client is None:
            import boto3

            client = boto3.client("glue")
        self._client = client

    def create_job(self, job: dict[str, Any]) -> str:
        """Create a job; gives its name."""
        return str(self._client.create_job(**job)["Name"])

    def get_job(self, name: str) -> dict[str, Any]:
        """A job's definition."""
        return dict(self._client.get_job(JobName=name)["Job"])

    def update_job(self, name: str, update: dict[str, Any]) -> str:
        """Change a job; gives its name."""
        return str(self._client.update_job(JobName=name, JobUpdate=update)["JobName"])

    def delete_job(self, name: str) -> str:
        """Delete a job; gives its name."""
        return str(self._client.delete_job(JobName=name)["JobName"])
