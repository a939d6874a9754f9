"""ResolveChoice: a name that scripts import it by."""

from awsglue.transforms.fields import ResolveChoice

__all__ = ["ResolveChoice"]
