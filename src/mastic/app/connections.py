"""Connections, and the encryption of the catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from mastic.app.base import Base
from mastic.app.identity import RoleKeys
from mastic.aws.neighbours.clients import Clients
from mastic.aws.neighbours.kms import Kms
from mastic.context import Context
from mastic.errors import invalid_input
from mastic.glue.account.keys import CatalogKeys, master_key
from mastic.glue.account.security import CatalogEncryption
from mastic.glue.connections.connections import Connections
from mastic.glue.connections.entities import Entities
from mastic.glue.connections.secrets import ConnectionSecrets
from mastic.glue.connections.types import ConnectionTypes
from mastic.glue.pages import Pager

KEY_FILE = "catalog.key"


def add_connections(base: Base, pager: Pager, clients: Clients) -> Connections:
    """What leads outside, and the keys under which its secrets are kept."""
    config, kms = base.config, Kms(clients)
    master = master_key(config.encryption_key, config.data_dir / KEY_FILE, shared=not config.embedded)
    keys = CatalogKeys(master=master, kms=kms, **base.making)
    base.store.sealing.connect(keys)
    model: Any = base.app.registry.models.service("glue").model
    modelled = frozenset(model.shape_for("ConnectionType").enum)
    types = ConnectionTypes(pager=pager, modelled=modelled, **base.lasting)
    connections = Connections(
        pager=pager,
        secrets=ConnectionSecrets(keys=keys, kms=kms),
        types=types,
        read_secret=_secret_reader(clients),
        reach_s3=_way_to_s3(base),
        **base.lasting,
    )
    base.handlers(
        "glue",
        CatalogEncryption(keys=keys, kms=kms, **base.lasting),
        types,
        connections,
        Entities(connections=connections, types=types, pager=pager),
    )
    return connections


def secret_texts(clients: Clients) -> Callable[[Context, str], str]:
    """Texts of secrets by name or ARN, as whoever asks may read them."""

    def read(context: Context, name: str) -> str:
        return str(clients.secret(context.account_id, context.region, name))

    return read


def _secret_reader(clients: Clients) -> Callable[[Context, str], Any]:
    """Secrets by name or ARN, as whoever asks may read them."""

    def read(context: Context, name: str) -> Any:
        return json.loads(clients.secret(context.account_id, context.region, name))

    return read


def _way_to_s3(base: Base) -> Callable[[Context], None]:
    """Really asks S3 for its buckets, wherever it is, as a job of the account would."""
    keys = RoleKeys(base.credentials, base.clock, base.config.endpoints.get("s3"))

    def reach(context: Context) -> None:
        import boto3
        from botocore import config as botocore_config
        from botocore.exceptions import BotoCoreError, ClientError

        make: Any = boto3
        settings: Any = botocore_config
        role = f"arn:aws:iam::{context.account_id}:root"
        found = keys.environment(context.account_id, role, "connection-test", timedelta(minutes=15))
        client = make.client(
            "s3",
            endpoint_url=found.get("AWS_ENDPOINT_URL_S3", base.endpoint),
            region_name=context.region,
            aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=found.get("AWS_SESSION_TOKEN"),
            config=settings.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
        )
        try:
            client.list_buckets()
        except (BotoCoreError, ClientError) as error:
            raise invalid_input(f"S3 cannot be reached: {error}") from None

    return reach
