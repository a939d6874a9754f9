"""Transforms of fields: a module that scripts import them by."""

from awsglue.transforms.fields import DropFields, RenameField, SelectFields, SplitFields

__all__ = ["DropFields", "RenameField", "SelectFields", "SplitFields"]
