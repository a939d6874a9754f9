"""The awsglue API: the names a Glue script imports."""

from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter

__all__ = ["DynamicFrame", "DynamicFrameReader", "DynamicFrameWriter"]
