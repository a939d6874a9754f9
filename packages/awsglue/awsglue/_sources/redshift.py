"""Amazon Redshift by the PostgreSQL protocol, which it speaks.

Rows come and go over the connection. What Glue moves through `redshiftTmpDir` with UNLOAD and COPY comes out the same;
only large amounts take longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from awsglue import gluetypes as g
from awsglue._sources.databases import PostgreSql

# Options about UNLOAD and COPY, which are not used: they change how rows travel, not which.
TRANSPORT = (
    "redshiftTmpDir",
    "aws_iam_role",
    "extracopyoptions",
    "extraunloadoptions",
    "unload_s3_format",
    "tempformat",
    "csvnullstring",
    "csvseparatorstring",
    "sse_kms_key",
    "tempdir_region",
    "autopushdown",
    "autopushdown.s3_result_cache",
    "forward_spark_s3_credentials",
)


def refuse_what_needs_aws(options: dict[str, Any], url: str) -> None:
    """Credentials that only Amazon Redshift itself can give. Raises NotImplementedError."""
    if ":iam:" in url or options.get("DbUser") or options.get("aws_iam_user"):
        raise NotImplementedError(
            "Redshift with IAM credentials (jdbc:redshift:iam, DbUser) is not implemented: give user and password, or "
            "secretId"
        )


class Redshift(PostgreSql):
    """A Redshift cluster, or any server of the PostgreSQL protocol in its place."""

    vendor = "redshift"

    def quote(self, name: str) -> str:
        """Redshift folds names in quotes, too; a server in its place must be told."""
        return super().quote(name.lower())

    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int:
        if not self._is_redshift(connection):
            return super().insert(connection, table, names, rows, size)
        columns = ", ".join(self.quote(name) for name in names)
        one = "(" + ", ".join(["%s"] * len(names)) + ")"
        count = 0
        held: list[Any] = []

        def flush(cursor: Any, number: int) -> None:
            statement = f"insert into {table} ({columns}) values {', '.join([one] * number)}"
            cursor.execute(statement, held)
            held.clear()

        with connection.cursor() as cursor:
            waiting = 0
            # Redshift has no COPY FROM STDIN; statements of many rows are its next best.
            for row in rows:
                held.extend(row)
                waiting, count = waiting + 1, count + 1
                if waiting >= min(size, 30_000 // max(1, len(names))):
                    flush(cursor, waiting)
                    waiting = 0
            if waiting:
                flush(cursor, waiting)
        return count

    @staticmethod
    def _is_redshift(connection: Any) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select version()")
            return "redshift" in str(cursor.fetchone()[0]).lower()

    def column_type(self, kind: g.DataType) -> str:
        if isinstance(kind, g.StringType):
            return "varchar(65535)"
        return super().column_type(kind)
