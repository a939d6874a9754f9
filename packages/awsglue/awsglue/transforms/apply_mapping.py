"""ApplyMapping: a name that scripts import it by."""

from awsglue.transforms.fields import ApplyMapping

__all__ = ["ApplyMapping"]
