"""S3 (and local) files as a frame: list, choose, read by format, add what the options ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Body, Encoded, ErrorStage
from awsglue._runtime.io.storage import Storage, shown
from awsglue._sources import csvfiles, enginefiles, grokfiles, jsonfiles, otherfiles, xmlfiles
from awsglue._sources.declared import as_given
from awsglue._sources.listing import SourceFile, given_paths, list_source
from awsglue._sources.request import SourceRequest, truth
from awsglue._sources.selection import choose, sampled
from awsglue._sources.staged import StagedRecords, empty

_FILE = "__mastic_source_file"
RecordReader = Callable[[Storage, str, dict[str, Any]], Iterator["dict[str, Any] | Exception"]]

RECORD_READERS: dict[str, RecordReader] = {
    "json": jsonfiles.records,
    "xml": xmlfiles.records,
    "groklog": grokfiles.records,
    "grok": grokfiles.records,
    "avro": otherfiles.avro,
    "ion": otherfiles.ion,
    "excel": otherfiles.excel,
}
ENGINE_READERS: dict[str, Callable[..., Encoded]] = {
    "csv": enginefiles.read_csv,
    "tsv": enginefiles.read_csv,
    "parquet": enginefiles.read_parquet,
    "glueparquet": enginefiles.read_parquet,
    "orc": enginefiles.read_orc,
}


class FormatError(ValueError):
    """The source has no format, or one that cannot be read."""


def known_format(name: str | None) -> str:
    """The format in lower case. Raises FormatError."""
    if not name:
        raise FormatError(
            "reading files needs a format: csv, json, parquet, orc, avro, xml, ion, grokLog or excel"
        )
    kind = name.lower()
    if kind not in RECORD_READERS and kind not in ENGINE_READERS:
        raise FormatError(f"format {name!r} cannot be read")
    return kind


class FileSource:
    """Files to be read once: the rows and, apart from them, what could not be read."""

    def __init__(
        self,
        spark: Any,
        request: SourceRequest,
        files: Callable[[Storage], list[SourceFile]],
        hint: g.StructType | None = None,
        names: list[str] | None = None,
    ) -> None:
        self._spark = spark
        self._request = request
        self._files = files
        self._hint = hint
        self._names = names
        self._storage = Storage()
        self._errors: Encoded | None = None
        self._body: Body | None = None

    def body(self) -> Body:
        """The frame's body."""
        stage = ErrorStage(transform="source", records=self._error_records)
        self._body = Body(self._read, (stage,))
        return self._body

    def _error_records(self) -> Any:
        assert self._body is not None
        self._body.get()
        return self._errors

    def _read(self) -> Encoded:
        request = self._request
        files = sampled(self._files(self._storage), request.sample)
        if not files:
            return empty(self._spark, g.StructType())
        kind = known_format(request.format)
        options = {**_compression(request.options), **request.format_options}
        if kind == "tsv":
            options.setdefault("separator", "\t")
        if kind in RECORD_READERS:
            staged = self._staged(RECORD_READERS[kind], files, options)
            return as_given(staged, options["withSchema"]) if options.get("withSchema") else staged
        if kind in ("csv", "tsv") and csvfiles.needed(files, options):
            return self._escaped(files, options)
        frame = self._by_engine(kind, files, options)
        return self._with_file_columns(frame, files)

    def _by_engine(self, kind: str, files: list[SourceFile], options: dict[str, Any]) -> Encoded:
        if kind in ("csv", "tsv"):
            return enginefiles.read_csv(self._spark, self._storage, files, options, self._names)
        return ENGINE_READERS[kind](self._spark, self._storage, files, options)

    def _with_file_columns(self, frame: Encoded, files: list[SourceFile]) -> Encoded:
        from pyspark.sql import functions as fn

        options = self._request.options
        fields, df = list(frame.schema.fields), frame.df
        if options.get("attachTimestamp"):
            name = str(options["attachTimestamp"])
            moments = [(shown(one.path), one.milliseconds) for one in files]
            known = self._spark.createDataFrame(moments, f"`{_FILE}` string, `{name}` bigint")
            df = df.withColumn(_FILE, fn.input_file_name()).join(known, _FILE, "left")
            columns = [f"`{field.name}`" for field in fields]
            if options.get("attachFilename"):
                columns.append(f"`{_FILE}` as `{options['attachFilename']}`")
            df = df.selectExpr(*columns, f"`{name}`")
        elif options.get("attachFilename"):
            df = df.withColumn(str(options["attachFilename"]), fn.input_file_name())
        if options.get("attachFilename"):
            fields.append(g.Field(str(options["attachFilename"]), g.StringType()))
        if options.get("attachTimestamp"):
            fields.append(g.Field(str(options["attachTimestamp"]), g.LongType()))
        return Encoded(df=df, schema=g.StructType(fields))

    def _escaped(self, files: list[SourceFile], options: dict[str, Any]) -> Encoded:
        reader = csvfiles.Reader(files, self._names)
        staged = self._staged(reader, files, options)
        schema = g.mergeDataTypes(staged.schema, reader.schema)
        assert isinstance(schema, g.StructType)
        # Files without records have columns, too.
        return staged.widened(schema) if staged.schema.fields else empty(self._spark, schema)

    def _staged(self, read: RecordReader, files: list[SourceFile], options: dict[str, Any]) -> Encoded:
        staged, errors = StagedRecords(self._hint), StagedRecords()
        name, stamp = (
            self._request.options.get("attachFilename"),
            self._request.options.get("attachTimestamp"),
        )
        fail_fast = truth(self._request.options.get("isFailFast"))
        failed = 0
        for one in files:
            extra: dict[str, Any] = dict(one.partition)
            if name:
                extra[str(name)] = one.path
            if stamp:
                extra[str(stamp)] = one.milliseconds
            for record in read(self._storage, one.path, options):
                if isinstance(record, dict):
                    staged.add({**record, **extra} if extra else record)
                    continue
                if fail_fast:
                    raise record
                failed += 1
                errors.add({"error": _unreadable(record, one)})
        if failed:
            self._errors = errors.finish(self._spark)
        return staged.finish(self._spark)


def _unreadable(error: Exception, one: SourceFile) -> dict[str, Any]:
    site = {"site": "", "info": ""}
    return {
        "callsite": site,
        "msg": str(error),
        "stackTrace": "",
        "input": "",
        "bytesread": one.size,
        "source": one.path,
    }


def _compression(options: dict[str, Any]) -> dict[str, Any]:
    return {"compressionType": options["compressionType"]} if options.get("compressionType") else {}


def open_files(request: SourceRequest, context: Any) -> Body:
    """The body of a from_options source over files."""
    known_format(request.format)
    roots = given_paths(request.options)

    def files(storage: Storage) -> list[SourceFile]:
        from awsglue._sources.pruning import prune_files
        from awsglue.job import Job

        found = list_source(storage, roots, request.options, globs=True)
        if request.push_down_predicate:
            found = prune_files(context.spark_session, found, request.push_down_predicate, {})
        return choose(
            found, request.options, request.transformation_ctx, Job.bookmarks(), ("s3", sorted(roots))
        )

    return FileSource(context.spark_session, request, files).body()
