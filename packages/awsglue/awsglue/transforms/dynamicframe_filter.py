"""Filter: a name that scripts import it by."""

from awsglue.transforms.records import Filter

__all__ = ["Filter"]
