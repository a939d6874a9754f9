"""What users cannot have here: consoles, devices, certificates and the like. Owns no state.

None can be made (the operations that would are refused), so that lists of them are truly empty. Clients read
these lists before they delete a user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mastic.aws.iam import entities
from mastic.aws.iam.entities import Base
from mastic.context import Context


@dataclass(frozen=True, kw_only=True)
class Absent(Base):
    """Reads of what does not exist."""

    def get_login_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._check(context, request)
        raise entities.missing(f"Login Profile for User {request.get('UserName')} cannot be found.")

    def list_mfa_devices(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._check(context, request)
        return {"MFADevices": [], "IsTruncated": False}

    def list_virtual_mfa_devices(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"VirtualMFADevices": [], "IsTruncated": False}

    def list_ssh_public_keys(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._check(context, request)
        return {"SSHPublicKeys": [], "IsTruncated": False}

    def list_signing_certificates(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._check(context, request)
        return {"Certificates": [], "IsTruncated": False}

    def list_service_specific_credentials(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._check(context, request)
        return {"ServiceSpecificCredentials": []}

    def _check(self, context: Context, request: dict[str, Any]) -> None:
        if "UserName" in request:
            with self.store.read() as tx:
                entities.get(tx, context.account_id, "user", request["UserName"])
