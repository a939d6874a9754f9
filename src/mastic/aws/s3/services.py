"""Every S3 handler over one embedded object store, as the composition root registers them. Owns no state."""

from __future__ import annotations

from mastic.aws.s3.acls import Acls
from mastic.aws.s3.attributes import Attributes
from mastic.aws.s3.buckets import Buckets
from mastic.aws.s3.configurations import Configurations
from mastic.aws.s3.copies import Copies
from mastic.aws.s3.deletes import Deletes
from mastic.aws.s3.lifecycle import Lifecycle
from mastic.aws.s3.listings import Listings
from mastic.aws.s3.multipart import Multipart
from mastic.aws.s3.notifications import Destinations, Notifications
from mastic.aws.s3.objects import Objects
from mastic.aws.s3.policies import BucketPolicies
from mastic.aws.s3.tagging import Tagging
from mastic.aws.s3.versioning import Versioning
from mastic.objects.local import LocalObjects


def handlers(objects: LocalObjects, destinations: Destinations) -> list[object]:
    """One object per concern."""
    store = objects.store
    return [
        Buckets(store=store, clock=objects.clock),
        Objects(objects=objects),
        Copies(objects=objects),
        Deletes(objects=objects),
        Attributes(objects=objects),
        Listings(store=store),
        Multipart(objects=objects),
        Versioning(objects=objects),
        Tagging(objects=objects),
        Acls(store=store, objects=objects),
        BucketPolicies(store=store),
        Configurations(store=store),
        Lifecycle(store=store, ids=objects.ids),
        Notifications(store=store, clock=objects.clock, ids=objects.ids, destinations=destinations),
    ]
