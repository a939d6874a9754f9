"""GetQueryResults: pages of a result file. Owns no state; a page's token says where in the file it goes on."""

from __future__ import annotations

from typing import Any

from mastic.athena.executions import Executions
from mastic.athena.failures import invalid
from mastic.athena.text import parse_csv_line
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.objects.base import Objects, split_url
from mastic.wire.paging import Pages

_DEFAULT_PAGE = 1000
_READ = 256 * 1024


class Results:
    """The results operation."""

    def __init__(self, *, executions: Executions, objects: Objects, pages: Pages) -> None:
        self._executions = executions
        self._objects = objects
        self._pages = pages

    def get_query_results(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        row = self._executions.load(context.scope, request["QueryExecutionId"])
        if row is None:
            raise invalid(f"QueryExecution {request['QueryExecutionId']} was not found")
        if row.state in ("QUEUED", "RUNNING"):
            raise invalid(f"Query has not yet finished. Current state: {row.state}")
        if row.state != "SUCCEEDED":
            reason = row.outcome.get("StateChangeReason", "")
            raise invalid(
                f"Query did not finish successfully. Final query state: {row.state}. {reason}".strip()
            )
        limit = request.get("MaxResults", _DEFAULT_PAGE)
        position = self._pages.key(context, request, default=0)
        lines, after = self._lines(row, position, limit)
        columns = row.outcome.get("Columns", [])
        answer: dict[str, Any] = {
            "UpdateCount": row.outcome.get("UpdateCount", 0),
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if v is None else {"VarCharValue": v} for v in line]} for line in lines
                ],
                "ResultSetMetadata": {"ColumnInfo": columns},
            },
        }
        if after is not None:
            answer["NextToken"] = self._pages.token(context, request, after)
        return answer

    def _lines(self, row: Any, position: int, limit: int) -> tuple[list[list[str | None]], int | None]:
        """Up to ``limit`` lines from a byte position, and where the next page begins."""
        location = (
            row.outcome.get("OutputLocation")
            or row.request["execution"]["ResultConfiguration"]["OutputLocation"]
        )
        if not location.endswith((".csv", ".txt")):
            return [], None
        bucket, key = split_url(location)
        lines: list[list[str | None]] = []
        try:
            size = self._objects.stat(bucket, key).size
            with self._objects.open(bucket, key) as file:
                file.seek(position)
                text = _Text(file, location.endswith(".csv"))
                while len(lines) < limit and (line := text.next()) is not None:
                    lines.append(line)
        except ServiceError as error:
            raise invalid(f"Could not find results at {location}: {error.message}") from None
        end = position + text.consumed
        return lines, end if end < size else None


class _Text:
    """Lines out of a file of bytes; ``consumed`` counts the bytes of the lines handed out."""

    def __init__(self, file: Any, quoted: bool) -> None:
        self._file = file
        self._quoted = quoted
        self._bytes = b""
        self._text = ""
        self._at = 0
        self.consumed = 0

    def next(self) -> list[str | None] | None:
        """The next line's values; None at the end."""
        while True:
            found = self._parse()
            if found is not None:
                values, end = found
                self.consumed += len(self._text[self._at : end].encode())
                self._at = end
                return values
            if not self._more():
                return None

    def _parse(self) -> tuple[list[str | None], int] | None:
        if self._at >= len(self._text):
            return None
        if self._quoted:
            return parse_csv_line(self._text, self._at)
        end = self._text.find("\n", self._at)
        if end < 0:
            return None
        return list(self._text[self._at : end].split("\t")), end + 1

    def _more(self) -> bool:
        piece = self._file.read(_READ)
        if not piece:
            return False
        self._bytes += piece
        # A character may be cut in two by the end of what was read.
        whole = len(self._bytes)
        while whole and (self._bytes[whole - 1] & 0xC0) == 0x80:
            whole -= 1
        if whole and self._bytes[whole - 1] >= 0xC0:
            whole -= 1
        else:
            whole = len(self._bytes)
        self._text = self._text[self._at :] + self._bytes[:whole].decode()
        self._bytes = self._bytes[whole:]
        self._at = 0
        return True
