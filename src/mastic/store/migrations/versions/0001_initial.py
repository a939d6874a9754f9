"""The first schema."""

import sqlalchemy as sa
from alembic import op

from mastic.store import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "athena_queries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("workgroup", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("submitted", schema.Timestamp(), nullable=False),
        sa.Column("completed", schema.Timestamp(), nullable=True),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("request", schema.Json(), nullable=False),
        sa.Column("outcome", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_athena_queries")),
    )
    op.create_index(
        "ix_athena_queries_listing", "athena_queries", ["scope", "workgroup", "submitted", "id"], unique=False
    )
    op.create_index("uq_athena_queries_token", "athena_queries", ["scope", "token"], unique=True)
    op.create_table(
        "athena_saved",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("workgroup", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "kind", "workgroup", "name", name=op.f("pk_athena_saved")),
    )
    op.create_table(
        "athena_workgroups",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_athena_workgroups")),
    )
    op.create_table(
        "blob_garbage",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("blob", sa.String(length=40), nullable=False),
        sa.Column("since", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob_garbage")),
    )
    op.create_index(op.f("ix_blob_garbage_blob"), "blob_garbage", ["blob"], unique=False)
    op.create_table(
        "buckets",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("versioning", sa.String(length=16), nullable=True),
        sa.Column("events", sa.Boolean(), nullable=False),
        sa.Column("lock", schema.Json(), nullable=True),
        sa.Column("encryption", schema.Json(), nullable=True),
        sa.Column("ownership", sa.String(length=32), nullable=True),
        sa.Column("public_access", schema.Json(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buckets")),
        sa.UniqueConstraint("name", name=op.f("uq_buckets_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "catalog_catalogs",
        sa.Column("scope", schema.Sortable, nullable=False),
        sa.Column("path", schema.Sortable, nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "path", name=op.f("pk_catalog_catalogs")),
    )
    op.create_table(
        "catalog_databases",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("catalog", schema.Sortable, nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("body", schema.SealedJson(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_databases")),
        sa.UniqueConstraint("catalog", "name", name=op.f("uq_catalog_databases_catalog_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "catalog_descriptors",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("table_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_descriptors")),
    )
    op.create_index(
        "ux_catalog_descriptors_digest", "catalog_descriptors", ["table_id", "digest"], unique=True
    )
    op.create_table(
        "catalog_partitions",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("table_id", sa.BigInteger(), nullable=False),
        sa.Column("key", schema.Sortable, nullable=False),
        sa.Column("k0", schema.Sortable, nullable=True),
        sa.Column("k1", schema.Sortable, nullable=True),
        sa.Column("k2", schema.Sortable, nullable=True),
        sa.Column("k3", schema.Sortable, nullable=True),
        sa.Column("k4", schema.Sortable, nullable=True),
        sa.Column("k5", schema.Sortable, nullable=True),
        sa.Column("k6", schema.Sortable, nullable=True),
        sa.Column("k7", schema.Sortable, nullable=True),
        sa.Column("k8", schema.Sortable, nullable=True),
        sa.Column("k9", schema.Sortable, nullable=True),
        sa.Column("descriptor", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_partitions")),
    )
    op.create_index("ux_catalog_partitions_key", "catalog_partitions", ["table_id", "key"], unique=True)
    op.create_table(
        "catalog_runs",
        sa.Column("id", schema.Sortable, nullable=False),
        sa.Column("scope", schema.Sortable, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("table_id", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stopping", sa.Integer(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("outcome", schema.Json(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.Column("started", schema.Timestamp(), nullable=True),
        sa.Column("ended", schema.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_runs")),
        sa.UniqueConstraint("table_id", "kind", "active", name=op.f("uq_catalog_runs_table_id_kind_active")),
    )
    op.create_index("ix_catalog_runs_ended", "catalog_runs", ["ended"], unique=False)
    op.create_index("ix_catalog_runs_scope", "catalog_runs", ["scope", "kind", "created", "id"], unique=False)
    op.create_index(
        "ix_catalog_runs_table", "catalog_runs", ["table_id", "kind", "created", "id"], unique=False
    )
    op.create_table(
        "catalog_statistics",
        sa.Column("table_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("partition_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("column", schema.Sortable, nullable=False),
        sa.Column("body", schema.SealedJson(), nullable=False),
        sa.PrimaryKeyConstraint("table_id", "partition_id", "column", name=op.f("pk_catalog_statistics")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "catalog_table_versions",
        sa.Column("table_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", schema.SealedJson(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("table_id", "version", name=op.f("pk_catalog_table_versions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "catalog_tables",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("database_id", sa.BigInteger(), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", schema.SealedJson(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_tables")),
        sa.UniqueConstraint("database_id", "name", name=op.f("uq_catalog_tables_database_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "catalog_upkeep",
        sa.Column("table_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("scope", schema.Sortable, nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("last", schema.Json(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.Column("due", schema.Timestamp(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("table_id", "kind", name=op.f("pk_catalog_upkeep")),
    )
    op.create_index("ix_catalog_upkeep_due", "catalog_upkeep", ["due"], unique=False)
    op.create_table(
        "cloudwatch_alarm_history",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", schema.Timestamp(), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("data", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cloudwatch_alarm_history")),
    )
    op.create_index(
        "ix_cloudwatch_alarm_history_at", "cloudwatch_alarm_history", ["scope", "at"], unique=False
    )
    op.create_table(
        "cloudwatch_alarms",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("actions_enabled", sa.Boolean(), nullable=False),
        sa.Column("configured", schema.Timestamp(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_data", sa.Text(), nullable=True),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.Column("transitioned", schema.Timestamp(), nullable=False),
        sa.Column("due", schema.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_cloudwatch_alarms")),
    )
    op.create_index("ix_cloudwatch_alarms_due", "cloudwatch_alarms", ["due"], unique=False)
    op.create_table(
        "cloudwatch_dashboards",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name=op.f("pk_cloudwatch_dashboards")),
    )
    op.create_table(
        "cloudwatch_metrics",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("namespace", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("dimensions", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cloudwatch_metrics")),
        sa.UniqueConstraint(
            "scope",
            "namespace",
            "name",
            "fingerprint",
            name=op.f("uq_cloudwatch_metrics_scope_namespace_name_fingerprint"),
        ),
    )
    op.create_table(
        "cloudwatch_samples",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("metric", schema.Identity, nullable=False),
        sa.Column("at", schema.Timestamp(), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("observed", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cloudwatch_samples")),
    )
    op.create_index("ix_cloudwatch_samples_at", "cloudwatch_samples", ["at"], unique=False)
    op.create_index("ix_cloudwatch_samples_metric", "cloudwatch_samples", ["metric", "at"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("access_key", sa.String(length=128), nullable=False),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("principal_arn", sa.String(length=2048), nullable=False),
        sa.Column("principal_id", sa.String(length=256), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("expires", schema.Timestamp(), nullable=True),
        sa.Column("session", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("access_key", name=op.f("pk_credentials")),
    )
    op.create_index("ix_credentials_expires", "credentials", ["expires"], unique=False)
    op.create_index("ix_credentials_owner", "credentials", ["account", "owner"], unique=False)
    op.create_table(
        "documents",
        sa.Column("scope", schema.Sortable, nullable=False),
        sa.Column("kind", schema.Sortable, nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("body", schema.MaySealJson(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "kind", "name", name=op.f("pk_documents")),
    )
    op.create_table(
        "event_buses",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_event_buses")),
    )
    op.create_table(
        "event_rules",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("bus", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("pattern", schema.Json(), nullable=True),
        sa.Column("schedule", sa.String(length=256), nullable=True),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("due", schema.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "bus", "name", name=op.f("pk_event_rules")),
    )
    op.create_index("ix_event_rules_due", "event_rules", ["due"], unique=False)
    op.create_table(
        "event_targets",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("bus", sa.String(length=256), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("arn", sa.String(length=1600), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "bus", "rule", "id", name=op.f("pk_event_targets")),
    )
    op.create_table(
        "event_ticks",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("bus", sa.String(length=256), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("at", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "bus", "rule", "at", name=op.f("pk_event_ticks")),
    )
    op.create_table(
        "hive_lock_turns",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_hive_lock_turns")),
    )
    op.create_table(
        "hive_locks",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("components", schema.Json(), nullable=False),
        sa.Column("owner", schema.Json(), nullable=False),
        sa.Column("acquired", schema.Timestamp(), nullable=True),
        sa.Column("expires", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hive_locks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hive_locks_scope", "hive_locks", ["scope", "id"], unique=False)
    op.create_table(
        "hive_notifications",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("moment", schema.Timestamp(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("database", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=True),
        sa.Column("message", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hive_notifications")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hive_notifications_scope", "hive_notifications", ["scope", "id"], unique=False)
    op.create_table(
        "iam_attachments",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("policy_arn", sa.String(length=2048), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "key", "policy_arn", name=op.f("pk_iam_attachments")),
    )
    op.create_table(
        "iam_entities",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("arn", sa.String(length=2048), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "key", name=op.f("pk_iam_entities")),
    )
    op.create_table(
        "iam_inline_policies",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "key", "name", name=op.f("pk_iam_inline_policies")),
    )
    op.create_table(
        "iam_members",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("member", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "key", "member", name=op.f("pk_iam_members")),
    )
    op.create_table(
        "iam_policy_versions",
        sa.Column("policy_arn", sa.String(length=2048), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("policy_arn", "version", name=op.f("pk_iam_policy_versions")),
    )
    op.create_table(
        "job_bookmark_history",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("job_name", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=255), nullable=False),
        sa.Column("before", schema.Json(), nullable=True),
        sa.Column("after", schema.Json(), nullable=True),
        sa.Column("recorded", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "job_name", "run_id", name=op.f("pk_job_bookmark_history")),
    )
    op.create_table(
        "job_bookmarks",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("job_name", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=255), nullable=True),
        sa.Column("previous_run_id", sa.String(length=255), nullable=True),
        sa.Column("bookmark", schema.Json(), nullable=True),
        sa.Column("updated", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "job_name", name=op.f("pk_job_bookmarks")),
    )
    op.create_table(
        "job_launches",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("runtime", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Float(), nullable=False),
        sa.Column("launched_on", schema.Timestamp(), nullable=False),
        sa.Column("stdout_offset", sa.BigInteger(), nullable=False),
        sa.Column("stderr_offset", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_job_launches")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_job_launches_token_hash")),
    )
    op.create_table(
        "job_runs",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("job_name", sa.String(length=255), nullable=False),
        sa.Column("job_id", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("root_id", sa.String(length=255), nullable=False),
        sa.Column("previous_id", sa.String(length=255), nullable=True),
        sa.Column("trigger_name", sa.String(length=255), nullable=True),
        sa.Column("workflow_run_id", sa.String(length=255), nullable=True),
        sa.Column("predecessors", schema.Json(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("plan", schema.Json(), nullable=False),
        sa.Column("started_on", schema.Timestamp(), nullable=False),
        sa.Column("running_on", schema.Timestamp(), nullable=True),
        sa.Column("completed_on", schema.Timestamp(), nullable=True),
        sa.Column("last_modified_on", schema.Timestamp(), nullable=False),
        sa.Column("error_message", schema.Readable(), nullable=True),
        sa.Column("state_detail", schema.Readable(), nullable=True),
        sa.Column("execution_seconds", sa.Integer(), nullable=False),
        sa.Column("dpu_seconds", sa.Float(), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("expires", schema.Timestamp(), nullable=True),
        sa.Column("notified", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_job_runs")),
        sa.UniqueConstraint("scope", "id", name=op.f("uq_job_runs_scope_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_runs_job", "job_runs", ["scope", "job_id", "seq"], unique=False)
    op.create_index("ix_job_runs_state", "job_runs", ["state", "scope", "job_id", "seq"], unique=False)
    op.create_table(
        "job_starts",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("root", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("call", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.String(length=255), nullable=False),
        sa.Column("invocation", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=255), nullable=False),
        sa.Column("made_on", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "root", "digest", "call", name=op.f("pk_job_starts")),
    )
    op.create_index("ix_job_starts_made_on", "job_starts", ["made_on"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("job_id", sa.String(length=80), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("request", schema.Json(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("created_on", schema.Timestamp(), nullable=False),
        sa.Column("last_modified_on", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_jobs")),
        sa.UniqueConstraint("job_id", name=op.f("uq_jobs_job_id")),
    )
    op.create_table(
        "kinesis_records",
        sa.Column("stream", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("partition_key", sa.String(length=1024), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "shard", "sequence", name=op.f("pk_kinesis_records")),
    )
    op.create_index("ix_kinesis_records_arrived", "kinesis_records", ["stream", "arrived"], unique=False)
    op.create_table(
        "kinesis_shards",
        sa.Column("stream", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("adjacent", sa.Integer(), nullable=True),
        sa.Column("first_hash", sa.String(length=39), nullable=False),
        sa.Column("last_hash", sa.String(length=39), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("stream", "number", name=op.f("pk_kinesis_shards")),
    )
    op.create_table(
        "kinesis_streams",
        sa.Column("id", schema.Identity, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("retention", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kinesis_streams")),
        sa.UniqueConstraint("scope", "name", name=op.f("uq_kinesis_streams_scope_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lambda_chunks",
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha", "number", name=op.f("pk_lambda_chunks")),
    )
    op.create_table(
        "lambda_code",
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("sha", name=op.f("pk_lambda_code")),
    )
    op.create_table(
        "lambda_functions",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("next_version", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=True),
        sa.Column("tags", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_lambda_functions")),
    )
    op.create_table(
        "lambda_layers",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", "version", name=op.f("pk_lambda_layers")),
    )
    op.create_table(
        "lambda_mappings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("source_arn", schema.Sortable, nullable=False),
        sa.Column("function_arn", schema.Sortable, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.Column("result", sa.String(length=256), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lambda_mappings")),
        sa.UniqueConstraint(
            "scope",
            "source_arn",
            "function_arn",
            name=op.f("uq_lambda_mappings_scope_source_arn_function_arn"),
        ),
    )
    op.create_table(
        "lambda_parts",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("qualifier", schema.Sortable, nullable=False),
        sa.Column("revision", sa.String(length=36), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", "kind", "qualifier", name=op.f("pk_lambda_parts")),
    )
    op.create_table(
        "lambda_taken",
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("taken", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_lambda_taken")),
    )
    op.create_index(op.f("ix_lambda_taken_taken"), "lambda_taken", ["taken"], unique=False)
    op.create_table(
        "lambda_versions",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(length=36), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", "version", name=op.f("pk_lambda_versions")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("expires", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "log_batches",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("ingested", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_batches")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_log_batches_group", "log_batches", ["group_id", "first", "id"], unique=False)
    op.create_index("ix_log_batches_group_last", "log_batches", ["group_id", "last", "id"], unique=False)
    op.create_index("ix_log_batches_stream", "log_batches", ["stream_id", "first", "id"], unique=False)
    op.create_index("ix_log_batches_stream_last", "log_batches", ["stream_id", "last", "id"], unique=False)
    op.create_table(
        "log_filters",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column(
            "name",
            sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column(
            "group_name",
            sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("pattern", sa.String(length=1024), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("quiet_minute", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "kind", "name", name=op.f("pk_log_filters")),
    )
    op.create_index(op.f("ix_log_filters_scope"), "log_filters", ["scope"], unique=False)
    op.create_table(
        "log_groups",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column(
            "name",
            sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("retention", sa.Integer(), nullable=True),
        sa.Column("kms_key", sa.String(length=256), nullable=True),
        sa.Column("class", sa.String(length=32), nullable=False),
        sa.Column("protected", sa.Integer(), nullable=False),
        sa.Column("tags", schema.Json(), nullable=False),
        sa.Column("metric_filters", sa.Integer(), nullable=False),
        sa.Column("subscriptions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_groups")),
        sa.UniqueConstraint("scope", "name", name=op.f("uq_log_groups_scope_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_streams",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "name",
            sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("first_event", sa.BigInteger(), nullable=True),
        sa.Column("last_event", sa.BigInteger(), nullable=True),
        sa.Column("last_ingestion", sa.BigInteger(), nullable=True),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_streams")),
        sa.UniqueConstraint("group_id", "name", name=op.f("uq_log_streams_group_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_log_streams_last_event", "log_streams", ["group_id", "last_event"], unique=False)
    op.create_table(
        "object_segments",
        sa.Column("bucket", schema.Identity, autoincrement=False, nullable=False),
        sa.Column("key", schema.Sortable, nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blob", sa.String(length=40), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("part_number", sa.Integer(), nullable=False),
        sa.Column("checksum", schema.Json(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "key", "version_id", "position", name=op.f("pk_object_segments")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_object_segments_blob", "object_segments", ["blob"], unique=False)
    op.create_table(
        "objects",
        sa.Column("bucket", schema.Identity, autoincrement=False, nullable=False),
        sa.Column("key", schema.Sortable, nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.Column("delete_marker", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.String(length=80), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.Column("storage_class", sa.String(length=32), nullable=False),
        sa.Column("blob", sa.String(length=40), nullable=True),
        sa.Column("part_count", sa.Integer(), nullable=True),
        sa.Column("checksum", schema.Json(), nullable=True),
        sa.Column("content", schema.Json(), nullable=False),
        sa.Column("tags", schema.Json(), nullable=True),
        sa.Column("acl", schema.Json(), nullable=True),
        sa.Column("lock", schema.Json(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "key", "version_id", name=op.f("pk_objects")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_objects_blob", "objects", ["blob"], unique=False)
    op.create_index(
        "uq_objects_latest",
        "objects",
        ["bucket", "key"],
        unique=True,
        sqlite_where=sa.text("latest IS 1"),
        postgresql_where=sa.text("latest IS true"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=True),
        sa.Column("payload", schema.Json(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("not_before", schema.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_not_before", "outbox", ["not_before", "id"], unique=False)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", schema.Json(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "tags",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("arn", sa.String(length=1024), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("scope", "arn", "key", name=op.f("pk_tags")),
    )
    op.create_index("ix_tags_key", "tags", ["scope", "key", "value"], unique=False)
    op.create_table(
        "tasks",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("payload", schema.Json(), nullable=False),
        sa.Column("not_before", schema.Timestamp(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("expires", schema.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("queue", "key", name=op.f("uq_tasks_queue_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_due", "tasks", ["queue", "not_before", "id"], unique=False)
    op.create_table(
        "trigger_actions",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("trigger_name", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("scope", "trigger_name", "position", name=op.f("pk_trigger_actions")),
    )
    op.create_index("ix_trigger_actions_target", "trigger_actions", ["scope", "kind", "target"], unique=False)
    op.create_table(
        "trigger_conditions",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("trigger_name", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("scope", "trigger_name", "position", name=op.f("pk_trigger_conditions")),
    )
    op.create_index(
        "ix_trigger_conditions_subject", "trigger_conditions", ["scope", "kind", "subject"], unique=False
    )
    op.create_table(
        "trigger_fires",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("trigger_name", sa.String(length=255), nullable=False),
        sa.Column("cause", sa.String(length=255), nullable=False),
        sa.Column("fired_on", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger_fires")),
        sa.UniqueConstraint(
            "scope", "trigger_name", "cause", name=op.f("uq_trigger_fires_scope_trigger_name_cause")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "trigger_latches",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("trigger_name", sa.String(length=255), nullable=False),
        sa.Column("workflow_run_id", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint(
            "scope", "trigger_name", "workflow_run_id", "position", name=op.f("pk_trigger_latches")
        ),
    )
    op.create_table(
        "triggers",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", schema.Sortable, nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("workflow_name", sa.String(length=255), nullable=True),
        sa.Column("body", schema.Json(), nullable=False),
        sa.Column("request", schema.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("next_tick", schema.Timestamp(), nullable=True),
        sa.Column("created_on", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_triggers")),
    )
    op.create_index("ix_triggers_next_tick", "triggers", ["next_tick"], unique=False)
    op.create_table(
        "upload_parts",
        sa.Column("upload", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blob", sa.String(length=40), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.String(length=40), nullable=False),
        sa.Column("checksums", schema.Json(), nullable=False),
        sa.Column("modified", schema.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("upload", "number", name=op.f("pk_upload_parts")),
    )
    op.create_index("ix_upload_parts_blob", "upload_parts", ["blob"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("bucket", schema.Identity, nullable=False),
        sa.Column("key", schema.Sortable, nullable=False),
        sa.Column("initiated", schema.Timestamp(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("finished", schema.Timestamp(), nullable=True),
        sa.Column("draft", schema.Json(), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=True),
        sa.Column("checksum_type", sa.String(length=16), nullable=True),
        sa.Column("result", schema.Json(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_bucket_key", "uploads", ["bucket", "key", "id"], unique=False)
    op.create_table(
        "bucket_configurations",
        sa.Column("bucket", schema.Identity, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("body", schema.Json(), nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["buckets.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bucket", "kind", "name", name=op.f("pk_bucket_configurations")),
    )


def downgrade() -> None:
    op.drop_table("bucket_configurations")
    op.drop_index("ix_uploads_bucket_key", table_name="uploads")
    op.drop_table("uploads")
    op.drop_index("ix_upload_parts_blob", table_name="upload_parts")
    op.drop_table("upload_parts")
    op.drop_index("ix_triggers_next_tick", table_name="triggers")
    op.drop_table("triggers")
    op.drop_table("trigger_latches")
    op.drop_table("trigger_fires")
    op.drop_index("ix_trigger_conditions_subject", table_name="trigger_conditions")
    op.drop_table("trigger_conditions")
    op.drop_index("ix_trigger_actions_target", table_name="trigger_actions")
    op.drop_table("trigger_actions")
    op.drop_index("ix_tasks_due", table_name="tasks")
    op.drop_table("tasks")
    op.drop_index("ix_tags_key", table_name="tags")
    op.drop_table("tags")
    op.drop_table("settings")
    op.drop_index("ix_outbox_not_before", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(
        "uq_objects_latest",
        table_name="objects",
        sqlite_where=sa.text("latest IS 1"),
        postgresql_where=sa.text("latest IS true"),
    )
    op.drop_index("ix_objects_blob", table_name="objects")
    op.drop_table("objects")
    op.drop_index("ix_object_segments_blob", table_name="object_segments")
    op.drop_table("object_segments")
    op.drop_index("ix_log_streams_last_event", table_name="log_streams")
    op.drop_table("log_streams")
    op.drop_table("log_groups")
    op.drop_index(op.f("ix_log_filters_scope"), table_name="log_filters")
    op.drop_table("log_filters")
    op.drop_index("ix_log_batches_stream_last", table_name="log_batches")
    op.drop_index("ix_log_batches_stream", table_name="log_batches")
    op.drop_index("ix_log_batches_group_last", table_name="log_batches")
    op.drop_index("ix_log_batches_group", table_name="log_batches")
    op.drop_table("log_batches")
    op.drop_table("leases")
    op.drop_table("lambda_versions")
    op.drop_index(op.f("ix_lambda_taken_taken"), table_name="lambda_taken")
    op.drop_table("lambda_taken")
    op.drop_table("lambda_parts")
    op.drop_table("lambda_mappings")
    op.drop_table("lambda_layers")
    op.drop_table("lambda_functions")
    op.drop_table("lambda_code")
    op.drop_table("lambda_chunks")
    op.drop_table("kinesis_streams")
    op.drop_table("kinesis_shards")
    op.drop_index("ix_kinesis_records_arrived", table_name="kinesis_records")
    op.drop_table("kinesis_records")
    op.drop_table("jobs")
    op.drop_index("ix_job_starts_made_on", table_name="job_starts")
    op.drop_table("job_starts")
    op.drop_index("ix_job_runs_state", table_name="job_runs")
    op.drop_index("ix_job_runs_job", table_name="job_runs")
    op.drop_table("job_runs")
    op.drop_table("job_launches")
    op.drop_table("job_bookmarks")
    op.drop_table("job_bookmark_history")
    op.drop_table("iam_policy_versions")
    op.drop_table("iam_members")
    op.drop_table("iam_inline_policies")
    op.drop_table("iam_entities")
    op.drop_table("iam_attachments")
    op.drop_index("ix_hive_notifications_scope", table_name="hive_notifications")
    op.drop_table("hive_notifications")
    op.drop_index("ix_hive_locks_scope", table_name="hive_locks")
    op.drop_table("hive_locks")
    op.drop_table("hive_lock_turns")
    op.drop_table("event_ticks")
    op.drop_table("event_targets")
    op.drop_index("ix_event_rules_due", table_name="event_rules")
    op.drop_table("event_rules")
    op.drop_table("event_buses")
    op.drop_table("documents")
    op.drop_index("ix_credentials_owner", table_name="credentials")
    op.drop_index("ix_credentials_expires", table_name="credentials")
    op.drop_table("credentials")
    op.drop_index("ix_cloudwatch_samples_metric", table_name="cloudwatch_samples")
    op.drop_index("ix_cloudwatch_samples_at", table_name="cloudwatch_samples")
    op.drop_table("cloudwatch_samples")
    op.drop_table("cloudwatch_metrics")
    op.drop_table("cloudwatch_dashboards")
    op.drop_index("ix_cloudwatch_alarms_due", table_name="cloudwatch_alarms")
    op.drop_table("cloudwatch_alarms")
    op.drop_index("ix_cloudwatch_alarm_history_at", table_name="cloudwatch_alarm_history")
    op.drop_table("cloudwatch_alarm_history")
    op.drop_index("ix_catalog_upkeep_due", table_name="catalog_upkeep")
    op.drop_table("catalog_upkeep")
    op.drop_table("catalog_tables")
    op.drop_table("catalog_table_versions")
    op.drop_table("catalog_statistics")
    op.drop_index("ix_catalog_runs_table", table_name="catalog_runs")
    op.drop_index("ix_catalog_runs_scope", table_name="catalog_runs")
    op.drop_index("ix_catalog_runs_ended", table_name="catalog_runs")
    op.drop_table("catalog_runs")
    op.drop_index("ux_catalog_partitions_key", table_name="catalog_partitions")
    op.drop_table("catalog_partitions")
    op.drop_index("ux_catalog_descriptors_digest", table_name="catalog_descriptors")
    op.drop_table("catalog_descriptors")
    op.drop_table("catalog_databases")
    op.drop_table("catalog_catalogs")
    op.drop_table("buckets")
    op.drop_index(op.f("ix_blob_garbage_blob"), table_name="blob_garbage")
    op.drop_table("blob_garbage")
    op.drop_table("athena_workgroups")
    op.drop_table("athena_saved")
    op.drop_index("uq_athena_queries_token", table_name="athena_queries")
    op.drop_index("ix_athena_queries_listing", table_name="athena_queries")
    op.drop_table("athena_queries")
