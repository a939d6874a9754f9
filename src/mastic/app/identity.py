"""IAM and STS, and the temporary keys of whatever runs on behalf of a role."""

from __future__ import annotations

from datetime import timedelta

from mastic.app.base import Base
from mastic.aws.iam.absent import Absent
from mastic.aws.iam.accounts import Accounts
from mastic.aws.iam.authorizations import Authorizations
from mastic.aws.iam.credentials import Credentials
from mastic.aws.iam.inline_policies import InlinePolicies
from mastic.aws.iam.managed_policies import Attachments, Policies
from mastic.aws.iam.roles import InstanceProfiles, Roles
from mastic.aws.iam.simulations import Simulations
from mastic.aws.iam.users import AccessKeys, Groups, Users
from mastic.aws.sts.sessions import Sessions
from mastic.clock import Clock
from mastic.errors import Refused

_FAMILIES = (
    Roles,
    InstanceProfiles,
    Users,
    AccessKeys,
    Groups,
    Policies,
    Attachments,
    InlinePolicies,
    Simulations,
    Accounts,
    Absent,
    Authorizations,
)


def add_identity(base: Base) -> None:
    """Who may do what."""
    base.handlers("iam", *(family(**base.making) for family in _FAMILIES))
    base.handlers("sts", Sessions(credentials=base.credentials, **base.lasting))


class RoleKeys:
    """Issues temporary keys of a role, as the AWS SDKs read them from the environment.

    With an outside S3 the keys are the server's own for that S3, because an SDK has one pair for all services;
    its endpoint comes with them.
    """

    def __init__(self, credentials: Credentials, clock: Clock, outside_s3: str | None) -> None:
        self._credentials = credentials
        self._clock = clock
        self._outside = outside_s3

    def environment(
        self, account: str, role: str, session: str, lifetime: timedelta, policy: str | None = None
    ) -> dict[str, str]:
        """``role`` is an ARN or a bare name; ``policy`` is kept with the keys, as AssumeRole's is."""
        if self._outside:
            return outside_keys(self._outside)
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
        expires = self._clock.now() + lifetime
        kept = {"Policy": policy} if policy else {}
        key, secret, token = self._credentials.issue(account, arn, session, expires, session=kept)
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def outside_keys(endpoint: str) -> dict[str, str]:
    """The server's own keys for an outside S3, by the AWS SDKs' usual chain, and where that S3 is."""
    from botocore.session import Session

    found = Session().get_credentials()  # type: ignore[no-untyped-call]
    if found is None:
        raise Refused(
            f"no credentials for the S3 at {endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    keys = found.get_frozen_credentials()
    environment = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
    return {**environment, "AWS_SESSION_TOKEN": keys.token} if keys.token else environment
