"""Transforms of fields: mapping, dropping, selecting, renaming, resolving, unboxing."""

from __future__ import annotations

from typing import Any, ClassVar

from awsglue.transforms.transform import GlueTransform


class ApplyMapping(GlueTransform):
    """Chooses, renames, nests and casts fields."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "mappings": "Tuples (source, source type, target, target type)",
    }

    def __call__(
        self,
        frame: Any,
        mappings: Any,
        case_sensitive: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.apply_mapping(
            mappings, case_sensitive, transformation_ctx, info, stageThreshold, totalThreshold
        )


class DropFields(GlueTransform):
    """Leaves out fields."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "paths": "Full paths of the fields to drop",
    }

    def __call__(
        self,
        frame: Any,
        paths: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.drop_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class SelectFields(GlueTransform):
    """Keeps only some fields."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "paths": "Full paths of the fields to keep",
    }

    def __call__(
        self,
        frame: Any,
        paths: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.select_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class RenameField(GlueTransform):
    """Renames a field."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "old_name": "Full path",
        "new_name": "New full path",
    }

    def __call__(
        self,
        frame: Any,
        old_name: str,
        new_name: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.rename_field(
            old_name, new_name, transformation_ctx, info, stageThreshold, totalThreshold
        )


class DropNullFields(GlueTransform):
    """Leaves out fields whose type in the schema is null."""

    arguments: ClassVar[dict[str, str]] = {"frame": "DynamicFrame to transform"}

    def __call__(
        self,
        frame: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        from awsglue._frames import paths
        from awsglue._frames.nulls import null_paths

        found = [paths.text(steps) for steps in null_paths(frame.schema())]
        print(f"null_fields {found}")  # noqa: T201 (as AWS does)
        return (
            frame.drop_fields(found, transformation_ctx, info, stageThreshold, totalThreshold)
            if found
            else frame
        )


class ResolveChoice(GlueTransform):
    """Decides what becomes of fields whose records disagree on the type."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "specs": "Tuples (path, action)",
        "choice": "One action for all choices",
        "database": "Catalog database, for match_catalog",
        "table_name": "Catalog table, for match_catalog",
    }

    def __call__(
        self,
        frame: Any,
        specs: Any = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        catalog_id: Any = None,
    ) -> Any:
        return frame.resolveChoice(
            specs,
            choice,
            database,
            table_name,
            transformation_ctx,
            info,
            stageThreshold,
            totalThreshold,
            catalog_id,
        )


class Unbox(GlueTransform):
    """Parses a string field in place."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "path": "Full path of the field",
        "format": "json, csv or avro",
    }

    def __call__(
        self,
        frame: Any,
        path: str,
        format: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **options: Any,
    ) -> Any:
        return frame.unbox(path, format, transformation_ctx, info, stageThreshold, totalThreshold, **options)


class UnnestFrame(GlueTransform):
    """Opens structs to dotted names."""

    arguments: ClassVar[dict[str, str]] = {"frame": "DynamicFrame to transform"}

    def __call__(
        self,
        frame: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.unnest(transformation_ctx, info, stageThreshold, totalThreshold)


class Relationalize(GlueTransform):
    """Makes flat tables of nested records."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to transform",
        "staging_path": "Not needed here",
        "name": "Root table's name",
    }
    returns = "A DynamicFrameCollection"

    def __call__(
        self,
        frame: Any,
        staging_path: str | None = None,
        name: str = "roottable",
        options: Any = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.relationalize(
            name, staging_path, options or {}, transformation_ctx, info, stageThreshold, totalThreshold
        )


class SplitFields(GlueTransform):
    """Splits a frame in two by fields."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to split",
        "paths": "Full paths of the fields of the first frame",
    }
    returns = "A DynamicFrameCollection"

    def __call__(
        self,
        frame: Any,
        paths: Any,
        name1: str | None = None,
        name2: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        first = name1 or "frame1"
        second = name2 or "frame2"
        return frame.split_fields(
            paths, first, second, transformation_ctx, info, stageThreshold, totalThreshold
        )
