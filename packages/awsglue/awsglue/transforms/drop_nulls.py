"""DropNullFields: a name that scripts import it by."""

from awsglue.transforms.fields import DropNullFields

__all__ = ["DropNullFields"]
