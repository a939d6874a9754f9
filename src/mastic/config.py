"""Settings as data. The sole reader of the environment and of ``mastic.toml``. Owns no state.

A setting comes from, in this order: the command line, ``MASTIC_<NAME>`` in the environment, ``mastic.toml``
(in the working directory, or named by ``MASTIC_CONFIG``), its default here.
"""

from __future__ import annotations

import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mastic.context import DEFAULT_ACCOUNT, DEFAULT_REGION
from mastic.errors import Refused

_DATA_DIR = Path("~/.mastic").expanduser()
_RUNTIMES_DIR = Path("~/.cache/mastic/runtimes").expanduser()
SECRETS = ("access_keys", "database_url", "encryption_key", "spark_conf")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """A long-lived key whose signature is verified."""

    access_key_id: str
    secret_access_key: str
    account_id: str = DEFAULT_ACCOUNT
    principal_arn: str = f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything an operator can set.

    ``endpoints`` names outside services by AWS service name (``{"s3": "https://minio.example"}``): calls that
    Mastic itself makes to such a service, and for S3 every object, go there.
    """

    data_dir: Path = _DATA_DIR
    runtimes_dir: Path = _RUNTIMES_DIR
    host: str = "127.0.0.1"
    port: int = 4566
    database_url: str = ""
    # Whether a change of the catalog is on disk when it is answered; otherwise a moment later (ADR 0073).
    sync_catalog: bool = False
    # Shared by several servers on one PostgreSQL: a file system that all of them mount.
    objects_dir: Path | None = None
    # So long after its lease a run waits for its own server before another one declares its process lost.
    lost_host_seconds: float = 180.0
    account_id: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    access_keys: tuple[AccessKey, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    s3_hosts: tuple[str, ...] = ()
    log_level: str = "info"
    log_json: bool = False
    threads: int = 32
    # Glue's own: see docs/guides/configuration.md
    default_glue_version: str = "5.1"
    default_engine: str = "auto"
    strict_trigger_lineage: bool = False
    # Job runs that an account may have at once in a region, as AWS has a quota of them; 0 for no such limit.
    max_concurrent_job_runs: int = 0
    warm_interpreters: int = 1
    # 32 bytes in base64, under which secrets of the catalog are kept; a file in the data directory unless set.
    encryption_key: str = ""
    lambda_retry_seconds: tuple[float, ...] = (60.0, 120.0)
    # Where git repositories of jobs are, in place of the providers' own addresses, with {provider}, {owner} and
    # {repository} in it: "file:///srv/git/{owner}/{repository}.git".
    source_control_url: str = ""
    # Environments of --additional-python-modules beyond this go, the longest unused first.
    modules_max_gb: float = 10.0
    # Where the directories of runs lie, unless in the data directory. An outside Spark cluster has to mount it.
    runs_dir: Path | None = None
    # Spark clusters outside, of Spark 3.5 and (for Glue 6.0) of Spark 4.1: "spark://host:7077", "yarn", "k8s://…"; of
    # Spark 4.1 also a Connect server, "sc://host:15002".
    spark_master: str = ""
    spark_4_master: str = ""
    # Settings of Spark for every job that runs on it.
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    # A Ray cluster outside: "host:6379". Without one every Ray job has its own, on this machine.
    ray_address: str = ""
    spark_packages: str = ""
    spark_jars_dir: str = ""
    # The Hive Metastore's door (docs/guides/catalog.md): 0 is none. It has no authentication of its own.
    hive_metastore_port: int = 0
    hive_metastore_host: str = "127.0.0.1"
    hive_metastore_unauthenticated: bool = False
    hive_metastore_warehouse: str = "s3://warehouse"

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store; the embedded SQLite file unless set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mastic.db'}"

    @property
    def embedded(self) -> bool:
        """True when this server alone owns its store."""
        return self.store_url.startswith("sqlite")

    @property
    def objects_place(self) -> Path:
        """Where the bytes of objects lie."""
        return self.objects_dir or self.data_dir / "objects"

    @property
    def shares_objects(self) -> bool:
        """True when other servers may work on the same objects."""
        return self.objects_dir is not None and not self.embedded

    @property
    def on_loopback(self) -> bool:
        """True when only this machine can reach the server."""
        return _is_loopback(self.host)

    def check(self) -> None:
        """Raise Refused for settings that are unsafe or contradict each other."""
        if not self.on_loopback and not self.access_keys:
            raise Refused(
                f"listening on {self.host} would let anyone on the network in: configure access keys "
                "(MASTIC_ACCESS_KEY_ID and MASTIC_SECRET_ACCESS_KEY, or [[access_keys]] in mastic.toml), "
                "or listen on 127.0.0.1"
            )
        if self.hive_metastore_port and not (
            _is_loopback(self.hive_metastore_host) or self.hive_metastore_unauthenticated
        ):
            raise Refused(
                f"the Hive Metastore's clients prove nothing about themselves: listening on {self.hive_metastore_host} "
                "would give the catalog to anyone on the network. Listen on 127.0.0.1, or set "
                "hive_metastore_unauthenticated = true where the network itself keeps others out"
            )
        if self.objects_dir is not None and "s3" in self.endpoints:
            raise Refused(
                "objects_dir and an outside S3 ([endpoints] s3) exclude each other: objects are in one place"
            )
        for name in ("spark_master", "spark_4_master"):
            self._check_master(name, getattr(self, name))
        if "://" in self.ray_address:
            raise Refused(
                f"ray_address is {self.ray_address!r}: use host:port of the cluster itself. (Ray's client, ray://…, "
                "would bring neither the run's modules nor its keys to the workers.)"
            )
        if self.max_concurrent_job_runs < 0:
            raise Refused(
                f"max_concurrent_job_runs is {self.max_concurrent_job_runs}: use 0 for any number, or a number of runs"
            )
        if self.default_engine not in ("auto", "sail", "spark"):
            raise Refused(f"default_engine is {self.default_engine!r}: use auto, sail or spark")

    def _check_master(self, name: str, master: str) -> None:
        connects = master.startswith("sc://")
        shown = (
            master.partition(";")[0].removesuffix("/") if connects else master
        )  # what follows may be a token
        if connects and name != "spark_4_master":
            raise Refused(
                f"{name} is {shown!r}: a Spark Connect server is served for Spark 4.1 (spark_4_master, GlueVersion "
                "6.0), not for Spark 3.5"
            )
        if master and not connects and not master.startswith(("spark://", "yarn", "k8s://", "local")):
            raise Refused(
                f"{name} is {master!r}: use spark://host:port, yarn or k8s://… (spark_4_master also sc://host:port)"
            )
        if connects:
            hosts = [_connect_host(name, master, shown)]
        else:
            hosts = [
                part.rpartition(":")[0].strip("[]") for part in master.removeprefix("spark://").split(",")
            ]
        near = master.startswith("local") or all(_is_loopback(host) for host in hosts)
        if master and not near and self.runs_dir is None:
            raise Refused(
                f"{name} is {shown}: its executors share files with the driver. Set runs_dir to a directory that "
                "this machine and all of the cluster's mount at the same path"
            )


def _connect_host(name: str, master: str, shown: str) -> str:
    """The host of a Connect server's address. Raises Refused where its client would, in words that show a token."""
    address, _, parameters = master.partition(";")
    try:
        found = urlsplit(address)
        host, port, path = found.hostname, found.port, found.path
    except ValueError as error:
        raise Refused(f"{name} is {shown!r}: {error}") from None
    named = all(one.count("=") == 1 for one in parameters.split(";")) if parameters else True
    if not host or port == 0 or path not in ("", "/") or "@" in found.netloc or found.query or found.fragment:
        raise Refused(f"{name} is {shown!r}: use sc://host:port, and parameters behind /;")
    if (parameters and path != "/") or not named:
        raise Refused(
            f"{name} is {shown!r}: its parameters have to be /;name=value;name=value, with %3D for = in a value"
        )
    return host


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK or host.startswith("127.")


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The settings in force. ``overrides`` are the command line's; None values in it are ignored.

    Raises Refused for a file that cannot be read or a setting that does not exist.
    """
    environ = os.environ if environ is None else environ
    hints = typing.get_type_hints(Config)
    values: dict[str, Any] = {}
    for name, value in _file(environ).items():
        if name not in hints:
            raise Refused(f"mastic.toml: there is no setting {name!r}")
        values[name] = _convert(name, value, hints[name])
    for item in fields(Config):
        text = environ.get(f"MASTIC_{item.name.upper()}")
        if text is not None and item.name not in ("access_keys", "endpoints", "spark_conf"):
            values[item.name] = _convert(item.name, text, hints[item.name])
    key, secret = environ.get("MASTIC_ACCESS_KEY_ID"), environ.get("MASTIC_SECRET_ACCESS_KEY")
    if key and secret:
        account = values.get("account_id", DEFAULT_ACCOUNT)
        values["access_keys"] = (
            *values.get("access_keys", ()),
            AccessKey(
                access_key_id=key,
                secret_access_key=secret,
                account_id=account,
                principal_arn=f"arn:aws:iam::{account}:root",
            ),
        )
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name] = _convert(name, value, hints[name])
    config = Config(**values)
    config.check()
    return config


def _file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get("MASTIC_CONFIG")
    path = Path(named or "mastic.toml")
    if not path.exists():
        if named:
            raise Refused(f"MASTIC_CONFIG names {named}, which does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{path}: {error}") from error


def _convert(name: str, value: Any, kind: Any) -> Any:
    try:
        if kind in (Path, Path | None):
            return Path(value).expanduser().absolute()
        if kind is bool and isinstance(value, str):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                value.lower()
            ]
        if kind in (int, float):
            return kind(value)
        if name == "access_keys":
            return tuple(v if isinstance(v, AccessKey) else AccessKey(**v) for v in value)
        if typing.get_origin(kind) is tuple:
            items = value.split(",") if isinstance(value, str) else value
            element = typing.get_args(kind)[0]
            return tuple(element(item) for item in items)
        if typing.get_origin(kind) is Mapping:
            return dict(value)
        return value
    except (KeyError, TypeError, ValueError) as error:
        if name in SECRETS:
            # Neither the value nor what else may quote it: this is printed, and kept in logs.
            raise Refused(f"setting {name}: its value is not usable ({type(error).__name__})") from None
        raise Refused(f"setting {name}: {value!r} is not usable ({error})") from error
