"""Gives records the method gs_parse_json: a transform of Glue Studio's canvas."""

from typing import Any

from awsglue.dynamicframe import DynamicFrame


def gs_parse_json(self: DynamicFrame, colName: str) -> DynamicFrame:
    """The JSON texts of a column as what they say, in their place."""
    return self.unbox(colName, "json")


parsed: Any = DynamicFrame
parsed.gs_parse_json = gs_parse_json
