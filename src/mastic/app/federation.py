"""Catalogs outside, by way of Glue connections: where they are, and with which keys they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mastic.app.connections import secret_texts
from mastic.aws.neighbours.clients import Clients
from mastic.context import Context
from mastic.errors import invalid_input
from mastic.glue.catalog.federation import CONNECTION_TYPE, Federation
from mastic.glue.catalog.remote_catalogs import OAuth2, Remote, Sign
from mastic.glue.connections.connections import Connections
from mastic.glue.pages import Pager

# What AWS calls the client secret and the token inside a secret.
_CLIENT_SECRET = "USER_MANAGED_CLIENT_APPLICATION_CLIENT_SECRET"
_TOKEN = "BEARER_TOKEN"


def federation(connections: Connections, clients: Clients, pager: Pager) -> Federation:
    """Reads outside catalogs by the connections that stand for them."""
    read_secret = secret_texts(clients)

    def reach(context: Context, connection: str, identifier: str) -> Remote:
        body = connections.find(context, connection)
        if not body["ConnectionType"].endswith(CONNECTION_TYPE):
            raise invalid_input(
                f"Connection {connection} is of type {body['ConnectionType']}, not {CONNECTION_TYPE}"
            )
        url = body["ConnectionProperties"].get("INSTANCE_URL")
        if not url:
            raise invalid_input(f"Connection {connection} needs the property INSTANCE_URL")
        given = body.get("AuthenticationConfiguration") or {}
        proof = _proof(given, lambda: _secret(read_secret, context, given), context.region)
        return Remote(url=url, warehouse=identifier, **proof)

    return Federation(reach=reach, pager=pager)


def _proof(given: Mapping[str, Any], secret: Callable[[], Mapping[str, str]], region: str) -> dict[str, Any]:
    """How to prove who asks, as members of ``Remote``. Raises InvalidInputException for what is not done here."""
    match given.get("AuthenticationType"):
        case None:
            return {}
        case "OAUTH2":
            return _oauth2(given.get("OAuth2Properties") or {}, secret)
        case "CUSTOM":
            named = given.get("CustomAuthenticationCredentials") or secret()
            token = named.get(_TOKEN) or named.get(_TOKEN.lower())
            if not token:
                raise invalid_input(f"The authentication CUSTOM needs a credential {_TOKEN}")
            return {"token": token}
        case "IAM":
            return {"sign": _signer(region)}
        case other:
            raise invalid_input(f"The authentication {other} does not exist for Iceberg REST catalogs")


def _oauth2(given: Mapping[str, Any], secret: Callable[[], Mapping[str, str]]) -> dict[str, Any]:
    credentials = given.get("OAuth2Credentials") or {}
    if credentials.get("AccessToken"):
        return {"token": credentials["AccessToken"]}
    if given.get("OAuth2GrantType", "CLIENT_CREDENTIALS") != "CLIENT_CREDENTIALS":
        raise invalid_input(f"The OAuth2 grant {given['OAuth2GrantType']} is not supported here")
    client = (given.get("OAuth2ClientApplication") or {}).get("UserManagedClientApplicationClientId")
    key = credentials.get("UserManagedClientApplicationClientSecret") or secret().get(_CLIENT_SECRET)
    if not client or not key:
        raise invalid_input("OAuth2 needs UserManagedClientApplicationClientId and its secret")
    return {
        "oauth2": OAuth2(
            client_id=client,
            client_secret=key,
            token_url=given.get("TokenUrl", ""),
            parameters=given.get("TokenUrlParametersMap") or {},
        )
    }


def _secret(
    read: Callable[[Context, str], str], context: Context, given: Mapping[str, Any]
) -> Mapping[str, str]:
    import orjson

    if not given.get("SecretArn"):
        return {}
    try:
        found = orjson.loads(read(context, given["SecretArn"]))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid_input(f"The secret {given['SecretArn']} is no JSON object")
    return found


def _signer(region: str) -> Sign:
    """Signs as the AWS credentials of the server's own surroundings."""
    from botocore import auth, awsrequest, session

    # botocore has no types.
    make_session: Any = session.Session
    make_request: Any = awsrequest.AWSRequest
    make_signer: Any = auth.SigV4Auth
    found = make_session().get_credentials()
    if found is None:
        raise invalid_input("The authentication IAM needs AWS credentials in the server's environment")
    keys = found.get_frozen_credentials()

    def sign(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        request = make_request(method=method, url=url, headers=dict(headers), data=body or None)
        make_signer(keys, "glue", region).add_auth(request)
        return dict(request.headers)

    return sign
