"""The field transforms of a DynamicFrame: choosing, naming, casting, resolving, parsing and flattening."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from awsglue._defaults import NOTHING
from awsglue._frames import choices, mapping, nesting, paths, rows, trees
from awsglue._frames.body import Body, Encoded
from awsglue._frames.collection import DynamicFrameCollection

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame

Paths = str | list[str]


class FieldTransforms:
    """Methods over the body of a frame; each gives a new frame."""

    _body: Body
    glue_ctx: Any
    _new: Callable[[Body], DynamicFrame]
    _stage: Callable[..., Any]
    _pair: Callable[..., DynamicFrameCollection]
    _checked: Callable[[], Encoded]

    def apply_mapping(
        self,
        mappings: Iterable[Any],
        case_sensitive: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Choose, rename, nest and cast fields: tuples (source, source type, target, target type)."""
        parsed = mapping.parse_mappings(mappings)
        return self._new(self._body.then(lambda frame: mapping.apply(frame, parsed, case_sensitive)))

    def applyMapping(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """apply_mapping; a DynamicFrame as the first argument is ignored."""
        from awsglue.dynamicframe import DynamicFrame

        if args and isinstance(args[0], DynamicFrame):
            args = args[1:]
        return self.apply_mapping(*args, **kwargs)

    def drop_fields(
        self,
        paths: Paths,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Without the fields at these paths; paths that are not there are ignored."""
        steps = paths_of(paths)
        return self._new(self._body.then(lambda frame: frame.select(trees.drop(frame.schema, steps))))

    def select_fields(
        self,
        paths: Paths,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Only the fields at these paths; paths that are not there are ignored."""
        steps = paths_of(paths)
        return self._new(self._body.then(lambda frame: frame.select(trees.select(frame.schema, steps))))

    def rename_field(
        self,
        oldName: str,
        newName: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """A field under another full path; names with dots are back-ticked."""
        old, new = paths.parse_name(oldName), paths.parse_name(newName)
        return self._new(self._body.then(lambda frame: rows.rename(frame, old, new)))

    def split_fields(
        self,
        paths: Paths,
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Two frames: the fields at these paths, and all others."""
        chosen, rest = self.select_fields(paths), self.drop_fields(paths)
        return self._pair(chosen, rest, name1, name2)

    def resolveChoice(
        self,
        specs: list[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        catalog_id: int | str | None = None,
    ) -> DynamicFrame:
        """Decide what becomes of choices: `specs` [(path, action)] for some fields, or one `choice` for all."""
        if bool(specs) == bool(choice):
            raise Exception("Either specs or choice must be specified, but not both.")
        if specs:
            for _, action in specs:
                choices.check_action(action)
            return self._new(self._body.then(lambda frame: choices.resolve_specs(frame, specs)))
        if choice.lower() == "match_catalog":
            if not database or not table_name:
                raise Exception("The database and table_name options are required for match_catalog.")
            schema = self.glue_ctx._catalog_schema(database, table_name, catalog_id)
            return self._new(self._body.then(lambda frame: choices.match_types(frame, schema)))
        choices.check_action(choice)
        return self._new(self._body.then(lambda frame: choices.resolve_all(frame, choice)))

    def unbox(
        self,
        path: str,
        format: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **options: Any,
    ) -> DynamicFrame:
        """Parse a string field in place. Records whose field cannot be parsed become error records."""
        from awsglue._frames.unboxing import parser, typed, unboxed

        read = parser(format, options)
        stage = self._stage("unbox", info, stageThreshold, totalThreshold)
        steps = paths.parse_name(path)
        return self._new(typed(unboxed(self._body, steps, read, stage), steps, format, options))

    def unnest(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Struct fields at the top with dotted names; arrays become generated join keys."""
        return self._new(self._body.then(nesting.unnest))

    def unnest_ddb_json(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Strip DynamoDB's type descriptors from a DynamoDB export (column `Item`, or all columns)."""
        from awsglue._frames.ddbjson import unnested

        return self._new(self._body.then(unnested))

    def simplify_ddb_json(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """DynamoDB's typed JSON as plain values, nested ones stay nested."""
        from awsglue._frames.ddbjson import simplified

        return self._new(self._body.then(simplified))

    def relationalize(
        self,
        root_table_name: str,
        staging_path: str | None = None,
        options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Flat tables: the root with structs opened, and one table per array, joined by generated keys."""
        from awsglue.dynamicframe import DynamicFrame

        tables = nesting.relationalize(self._checked(), root_table_name)
        frames = {
            name: DynamicFrame(Body.ready(table), self.glue_ctx, name) for name, table in tables.items()
        }
        return DynamicFrameCollection(frames, self.glue_ctx)


def paths_of(names: Paths) -> list[trees.Steps]:
    """Parsed paths of one path or several."""
    return paths.as_list(names)
