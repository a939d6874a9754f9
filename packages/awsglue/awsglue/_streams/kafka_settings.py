"""From options of a job and Glue connections of type KAFKA to what librdkafka is told. Owns no state."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from typing import Any

from awsglue._sources.outside import missing

_CONNECTED = "kafka."
_LOGIN = re.compile(r"\b(username|password)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')")
# Names of the Java client and librdkafka's for the same thing.
_RENAMED = {
    "request.timeout.ms": "socket.timeout.ms",
    "sasl.mechanism": "sasl.mechanisms",
    "max.request.size": "message.max.bytes",
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "buffer.memory": None,
    "max.poll.records": None,
    "key.deserializer": None,
    "value.deserializer": None,
    "key.serializer": None,
    "value.serializer": None,
    "ssl.protocol": None,
    "ssl.enabled.protocols": None,
}
# These are the driver's own: Spark's Kafka source refuses them too.
_OWN = {
    "auto.offset.reset": "set startingOffsets instead",
    "enable.auto.commit": "offsets are committed in the checkpoint",
    "interceptor.classes": "interceptors are Java",
}
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_JKS = b"\xfe\xed\xfe\xed"


def client() -> Any:
    """The client library. Raises ImportError that says how to have it."""
    try:
        import confluent_kafka
    except ImportError:
        raise missing("Kafka", "confluent-kafka") from None
    return confluent_kafka


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """The client's settings for these options. Raises ValueError and NotImplementedError."""
    found: dict[str, Any] = {}
    name = options.get("connectionName")
    if name:
        from awsglue._sources.connections import connection_properties

        catalog = options.get("catalogId")
        found.update(of_connection(connection_properties(str(name), str(catalog) if catalog else None)))
    given = {key[len(_CONNECTED) :]: value for key, value in options.items() if key.startswith(_CONNECTED)}
    for key in ("bootstrap.servers", "security.protocol"):
        if options.get(key):
            given.setdefault(key, options[key])
    found.update(of_options(given))
    if not found.get("bootstrap.servers"):
        raise ValueError('kafka needs the connection option "kafka.bootstrap.servers" or "connectionName"')
    return found


def of_options(given: dict[str, Any]) -> dict[str, Any]:
    """Settings named as the Java client names them. Raises ValueError and NotImplementedError."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in _OWN:
            raise ValueError(f"Kafka option '{key}' is not supported: {_OWN[key]}")
        if key.startswith(("ssl.truststore.", "ssl.keystore.", "ssl.key.", "sasl.jaas.")):
            continue
        name = _RENAMED.get(key, key)
        if name is not None:
            found[name] = value if isinstance(value, int | float | bool) else str(value)
    protocol = str(found.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in _PROTOCOLS:
        raise ValueError(f"security.protocol {protocol!r} is not one of {', '.join(_PROTOCOLS)}")
    if "security.protocol" in found:
        found["security.protocol"] = protocol
    if found.get("ssl.endpoint.identification.algorithm") == "":
        found["ssl.endpoint.identification.algorithm"] = "none"
    _stores(given, found)
    if "sasl.mechanisms" in found:
        check_mechanism(str(found["sasl.mechanisms"]))
    if given.get("sasl.jaas.config"):
        login = {name: _unquoted(a or b) for name, a, b in _LOGIN.findall(str(given["sasl.jaas.config"]))}
        if set(login) != {"username", "password"}:
            raise NotImplementedError(
                "sasl.jaas.config is served with a login module that has username and password (PLAIN, SCRAM)"
            )
        found["sasl.username"], found["sasl.password"] = login["username"], login["password"]
    return found


def check_mechanism(mechanism: str) -> None:
    """Raise NotImplementedError for a way to log in that this client does not have."""
    if mechanism.upper() not in _MECHANISMS:
        raise NotImplementedError(
            f"SASL mechanism {mechanism} is not implemented: {', '.join(_MECHANISMS)} are"
        )


def of_connection(properties: dict[str, str]) -> dict[str, Any]:
    """Settings of a Glue connection of type KAFKA. Raises ValueError and NotImplementedError."""
    servers = properties.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        raise ValueError("the connection has no KAFKA_BOOTSTRAP_SERVERS: is it of type KAFKA?")
    found: dict[str, Any] = {"bootstrap.servers": servers}
    encrypted = properties.get("KAFKA_SSL_ENABLED", "true").lower() != "false"
    mechanism = properties.get("KAFKA_SASL_MECHANISM", "")
    found["security.protocol"] = _PROTOCOLS[(1 if encrypted else 0) + (2 if mechanism else 0)]
    if encrypted and properties.get("KAFKA_CUSTOM_CERT"):
        found["ssl.ca.pem"] = _file(properties["KAFKA_CUSTOM_CERT"]).decode()
    if encrypted and properties.get("KAFKA_CLIENT_KEYSTORE"):
        store = properties["KAFKA_CLIENT_KEYSTORE"]
        found["ssl.keystore.location"] = _keystore(store, _file(store))
        found["ssl.keystore.password"] = properties.get("KAFKA_CLIENT_KEYSTORE_PASSWORD", "")
        if properties.get("KAFKA_CLIENT_KEY_PASSWORD"):
            found["ssl.key.password"] = properties["KAFKA_CLIENT_KEY_PASSWORD"]
    if mechanism:
        check_mechanism(mechanism)
        found["sasl.mechanisms"] = mechanism
        found["sasl.username"], found["sasl.password"] = _login(properties, mechanism)
    return found


def _login(properties: dict[str, str], mechanism: str) -> tuple[str, str]:
    kind = "KAFKA_SASL_PLAIN" if mechanism == "PLAIN" else "KAFKA_SASL_SCRAM"
    arn = properties.get(f"{kind}_SECRETS_ARN") or properties.get("KAFKA_SASL_SECRETS_ARN")
    if arn:
        from awsglue._sources.connections import secret

        return secret(arn)
    user = properties.get(f"{kind}_USERNAME") or properties.get("USERNAME") or ""
    password = properties.get(f"{kind}_PASSWORD") or properties.get("PASSWORD") or ""
    if not user or not password:
        raise ValueError(f"the connection has no {kind}_USERNAME and {kind}_PASSWORD")
    return user, password


def _stores(given: dict[str, Any], found: dict[str, Any]) -> None:
    """Certificates: PEM and PKCS #12; the client is no Java and cannot open its key stores."""
    if given.get("ssl.truststore.certificates"):
        found["ssl.ca.pem"] = str(given["ssl.truststore.certificates"])
    trusted = given.get("ssl.truststore.location")
    if trusted:
        content = _file(str(trusted))
        if b"-----BEGIN" not in content:
            raise NotImplementedError(
                f"ssl.truststore.location {trusted}: certificates are read in PEM (ssl.truststore.type PEM)"
            )
        found["ssl.ca.pem"] = content.decode()
    store = given.get("ssl.keystore.location")
    if store:
        found["ssl.keystore.location"] = _keystore(str(store), _file(str(store)))
        found["ssl.keystore.password"] = str(given.get("ssl.keystore.password", ""))
    if given.get("ssl.keystore.certificate.chain"):
        found["ssl.certificate.pem"] = str(given["ssl.keystore.certificate.chain"])
    if given.get("ssl.keystore.key"):
        found["ssl.key.pem"] = str(given["ssl.keystore.key"])
    if given.get("ssl.key.password"):
        found["ssl.key.password"] = str(given["ssl.key.password"])


def _keystore(name: str, content: bytes) -> str:
    """A PKCS #12 key store as a file of this process alone."""
    if content.startswith(_JKS) or b"-----BEGIN" in content:
        raise NotImplementedError(
            f"key store {name}: PKCS #12 is read (keytool -importkeystore makes one of a JKS)"
        )
    from awsglue._runtime.engine import scratch_directory

    # By its content: a stream that writes with every batch leaves one file, and it goes with the process.
    path = os.path.join(scratch_directory(), hashlib.sha256(content).hexdigest()[:32] + ".p12")
    if not os.path.exists(path):
        handle, made = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(made, path)
    return path


def _file(path: str) -> bytes:
    from awsglue._runtime.io.storage import Storage

    return Storage().read(path)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
