"""IAM's entities and what binds them together.

Owns ``iam_entities`` (roles, users, groups, policies, instance profiles), ``iam_policy_versions``,
``iam_attachments``, ``iam_inline_policies`` and ``iam_members``. IAM is global: rows carry the account only.
Names are unique without regard to case: ``key`` is the folded name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from mastic.store.engine import insert as upsert
from mastic.store.schema import Json, Timestamp, metadata

Kind = Literal["role", "user", "group", "policy", "instance-profile"]

entities = Table(
    "iam_entities",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("id", String(32), nullable=False),
    Column("arn", String(2048), nullable=False),
    Column("path", String(512), nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("body", Json, nullable=False),
)
versions = Table(
    "iam_policy_versions",
    metadata,
    Column("policy_arn", String(2048), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("created", Timestamp, nullable=False),
)
attachments = Table(
    "iam_attachments",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("policy_arn", String(2048), primary_key=True),
)
inline_policies = Table(
    "iam_inline_policies",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)
members = Table(
    "iam_members",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("member", String(128), primary_key=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A role, user, group, policy or instance profile; ``body`` holds its other members in AWS's names."""

    account: str
    kind: Kind
    name: str
    id: str
    arn: str
    path: str
    created: datetime
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """The folded name."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of a managed policy."""

    version: int
    document: str
    is_default: bool
    created: datetime


# -- entities ------------------------------------------------------------------------------------------


def create(tx: Connection, entity: Entity) -> None:
    """Add an entity; Duplicate when its name is taken."""
    tx.execute(insert(entities).values(key=entity.key, **_columns(entity)))


def find(tx: Connection, account: str, kind: Kind, name: str) -> Entity | None:
    """The entity of that exact name."""
    row = tx.execute(
        select(entities).where(
            entities.c.account == account, entities.c.kind == kind, entities.c.key == name.lower()
        )
    ).first()
    return None if row is None or row.name != name else _entity(row)


def replace(tx: Connection, name: str, entity: Entity) -> None:
    """Store ``entity`` in the place of the one called ``name``; Duplicate when the new name is taken."""
    tx.execute(
        update(entities)
        .where(
            entities.c.account == entity.account,
            entities.c.kind == entity.kind,
            entities.c.key == name.lower(),
        )
        .values(key=entity.key, **_columns(entity))
    )


def remove(tx: Connection, entity: Entity) -> None:
    """Delete an entity and, for a policy, its versions."""
    tx.execute(
        delete(entities).where(
            entities.c.account == entity.account,
            entities.c.kind == entity.kind,
            entities.c.key == entity.key,
        )
    )
    if entity.kind == "policy":
        tx.execute(delete(versions).where(versions.c.policy_arn == entity.arn))


def listing(
    tx: Connection, account: str, kind: Kind, *, prefix: str = "/", after: str = "", limit: int = 1000
) -> list[Entity]:
    """Entities whose path begins with ``prefix``, by folded name, after the folded name ``after``."""
    rows = tx.execute(
        select(entities)
        .where(
            entities.c.account == account,
            entities.c.kind == kind,
            entities.c.key > after,
            entities.c.path.startswith(prefix, autoescape=True),
        )
        .order_by(entities.c.key)
        .limit(limit)
    )
    return [_entity(row) for row in rows]


def count(tx: Connection, account: str, kind: Kind) -> int:
    """How many entities of a kind the account has."""
    statement = select(func.count()).select_from(entities)
    return tx.execute(statement.where(entities.c.account == account, entities.c.kind == kind)).scalar_one()


# -- policy versions -----------------------------------------------------------------------------------


def add_version(tx: Connection, policy_arn: str, version: Version) -> None:
    """Add a version; when it is the default one, the others cease to be."""
    if version.is_default:
        tx.execute(update(versions).where(versions.c.policy_arn == policy_arn).values(is_default=False))
    tx.execute(
        insert(versions).values(
            policy_arn=policy_arn,
            version=version.version,
            document=version.document,
            is_default=version.is_default,
            created=version.created,
        )
    )


def version_list(tx: Connection, policy_arn: str) -> list[Version]:
    """A policy's versions, newest first."""
    rows = tx.execute(
        select(versions).where(versions.c.policy_arn == policy_arn).order_by(versions.c.version.desc())
    )
    return [
        Version(version=r.version, document=r.document, is_default=r.is_default, created=r.created)
        for r in rows
    ]


def set_default_version(tx: Connection, policy_arn: str, version: int) -> None:
    """Make ``version`` the one that counts."""
    tx.execute(
        update(versions)
        .where(versions.c.policy_arn == policy_arn)
        .values(is_default=versions.c.version == version)
    )


def remove_version(tx: Connection, policy_arn: str, version: int) -> None:
    """Delete a version."""
    tx.execute(delete(versions).where(versions.c.policy_arn == policy_arn, versions.c.version == version))


# -- attachments ---------------------------------------------------------------------------------------


def attach(tx: Connection, owner: Entity, policy_arn: str) -> None:
    """Attach a managed policy; attaching twice is attaching once."""
    tx.execute(
        upsert(tx, attachments)
        .values(account=owner.account, kind=owner.kind, key=owner.key, policy_arn=policy_arn)
        .on_conflict_do_nothing()
    )


def detach(tx: Connection, owner: Entity, policy_arn: str) -> bool:
    """Detach a managed policy; false when it was not attached."""
    return (
        tx.execute(
            delete(attachments).where(*_owned(attachments, owner), attachments.c.policy_arn == policy_arn)
        ).rowcount
        == 1
    )


def attached(tx: Connection, owner: Entity) -> list[str]:
    """The ARNs of the policies attached to ``owner``, sorted."""
    rows = tx.execute(
        select(attachments.c.policy_arn).where(*_owned(attachments, owner)).order_by(attachments.c.policy_arn)
    )
    return list(rows.scalars())


def attached_to(tx: Connection, account: str, policy_arn: str) -> list[tuple[Kind, str]]:
    """Kind and name of every entity that the policy is attached to."""
    rows = tx.execute(
        select(entities.c.kind, entities.c.name)
        .join(
            attachments,
            (attachments.c.account == entities.c.account)
            & (attachments.c.kind == entities.c.kind)
            & (attachments.c.key == entities.c.key),
        )
        .where(attachments.c.account == account, attachments.c.policy_arn == policy_arn)
        .order_by(entities.c.kind, entities.c.key)
    )
    return [(row.kind, row.name) for row in rows]


def attachment_counts(tx: Connection, account: str) -> dict[str, int]:
    """How often each policy of the account is attached."""
    rows = tx.execute(
        select(attachments.c.policy_arn, func.count())
        .where(attachments.c.account == account)
        .group_by(attachments.c.policy_arn)
    )
    return {row[0]: row[1] for row in rows}


# -- inline policies -----------------------------------------------------------------------------------


def put_inline(tx: Connection, owner: Entity, name: str, document: str) -> None:
    """Add or replace an inline policy."""
    tx.execute(
        upsert(tx, inline_policies)
        .values(account=owner.account, kind=owner.kind, key=owner.key, name=name, document=document)
        .on_conflict_do_update(index_elements=["account", "kind", "key", "name"], set_={"document": document})
    )


def inline(tx: Connection, owner: Entity) -> dict[str, str]:
    """The inline policies of ``owner``: name → document, sorted by name."""
    rows = tx.execute(
        select(inline_policies.c.name, inline_policies.c.document)
        .where(*_owned(inline_policies, owner))
        .order_by(inline_policies.c.name)
    )
    return {row.name: row.document for row in rows}


def remove_inline(tx: Connection, owner: Entity, name: str) -> bool:
    """Delete an inline policy; false when there was none."""
    return (
        tx.execute(
            delete(inline_policies).where(*_owned(inline_policies, owner), inline_policies.c.name == name)
        ).rowcount
        == 1
    )


# -- members: users of groups, roles of instance profiles -----------------------------------------------


def add_member(tx: Connection, container: Entity, member: Entity) -> bool:
    """Put a member in; false when it was in already."""
    added = tx.execute(
        upsert(tx, members)
        .values(account=container.account, kind=container.kind, key=container.key, member=member.key)
        .on_conflict_do_nothing()
        .returning(members.c.member)  # PostgreSQL's driver does not count the rows of such an INSERT
    ).first()
    return added is not None


def remove_member(tx: Connection, container: Entity, member: Entity) -> bool:
    """Take a member out; false when it was not in."""
    return (
        tx.execute(
            delete(members).where(*_owned(members, container), members.c.member == member.key)
        ).rowcount
        == 1
    )


def members_of(tx: Connection, container: Entity, kind: Kind) -> list[Entity]:
    """The members of a group (users) or an instance profile (roles)."""
    rows = tx.execute(
        select(entities)
        .join(members, (members.c.account == entities.c.account) & (members.c.member == entities.c.key))
        .where(*_owned(members, container), entities.c.kind == kind)
        .order_by(entities.c.key)
    )
    return [_entity(row) for row in rows]


def containers_of(tx: Connection, member: Entity, kind: Kind) -> list[Entity]:
    """The groups of a user, the instance profiles of a role."""
    rows = tx.execute(
        select(entities)
        .join(
            members,
            (members.c.account == entities.c.account)
            & (members.c.kind == entities.c.kind)
            & (members.c.key == entities.c.key),
        )
        .where(members.c.account == member.account, members.c.kind == kind, members.c.member == member.key)
        .order_by(entities.c.key)
    )
    return [_entity(row) for row in rows]


def rename(tx: Connection, old: Entity, new: Entity) -> None:
    """Let attachments, inline policies and memberships follow a user or group to its new name."""
    for table in (attachments, inline_policies, members):
        tx.execute(update(table).where(*_owned(table, old)).values(key=new.key))
    if old.kind == "user":
        tx.execute(
            update(members)
            .where(members.c.account == old.account, members.c.kind == "group", members.c.member == old.key)
            .values(member=new.key)
        )


def _owned(table: Table, owner: Entity) -> Sequence[Any]:
    return (table.c.account == owner.account, table.c.kind == owner.kind, table.c.key == owner.key)


def _columns(entity: Entity) -> dict[str, Any]:
    return {
        "account": entity.account,
        "kind": entity.kind,
        "name": entity.name,
        "id": entity.id,
        "arn": entity.arn,
        "path": entity.path,
        "created": entity.created,
        "body": entity.body,
    }


def _entity(row: Row[Any]) -> Entity:
    return Entity(
        account=row.account,
        kind=row.kind,
        name=row.name,
        id=row.id,
        arn=row.arn,
        path=row.path,
        created=row.created,
        body=row.body,
    )
