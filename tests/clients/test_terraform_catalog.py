"""The real Terraform AWS provider: every Data Catalog resource that it has is made, changed, imported and goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import terraform
from tests.conftest import Server

pytestmark = pytest.mark.skipif(
    terraform.program() is None, reason="terraform or its AWS provider is not installed"
)

ACCOUNT = "123456789012"
IMPORTED = {
    "aws_glue_catalog_database.plain": f"{ACCOUNT}:judge_plain",
    "aws_glue_catalog_database.full": f"{ACCOUNT}:judge_full",
    "aws_glue_catalog_database.link": f"{ACCOUNT}:judge_link",
    "aws_glue_catalog_table.events": f"{ACCOUNT}:judge_full:events",
    "aws_glue_catalog_table.view": f"{ACCOUNT}:judge_full:view",
    "aws_glue_partition.one": f"{ACCOUNT}:judge_full:events:2024-01-01#eu/west 1",
    "aws_glue_partition_index.by_month": f"{ACCOUNT}:judge_full:indexed:by_month",
    "aws_glue_catalog_table_optimizer.retention": f"{ACCOUNT},judge_full,iceberg,retention",
    "aws_glue_user_defined_function.clean": f"{ACCOUNT}:judge_full:clean",
    "aws_glue_connection.jdbc": f"{ACCOUNT}:judge-jdbc",
    "aws_glue_security_configuration.on": "judge-on",
    "aws_glue_data_catalog_encryption_settings.own": ACCOUNT,
}


@pytest.mark.timeout(2400)
def test_every_catalog_resource(own_server: Server, tmp_path: Path) -> None:
    project = terraform.Project(Path(__file__).parent / "catalog", tmp_path / "p", own_server.endpoint)
    second = ("-var", "stage=2")
    project.apply()
    project.assert_no_drift()
    _, output = project.run("apply", "-auto-approve", *second)
    assert "0 added" in output, output[-3000:]
    assert "0 destroyed" in output, output[-3000:]

    # What is taken over from the catalog is what was written there, and all the rest is as the change left it.
    project.run("state", "rm", *IMPORTED)
    (project.folder / "imports.tf").write_text(
        "".join(f'import {{\n  to = {to}\n  id = "{id}"\n}}\n' for to, id in IMPORTED.items())
    )
    _, output = project.run("apply", "-auto-approve", *second)
    assert f"{len(IMPORTED)} imported, 0 added, 0 changed, 0 destroyed" in output, output[-3000:]
    (project.folder / "imports.tf").unlink()

    project.run("destroy", "-auto-approve", *second)
    glue = own_server.client("glue")
    assert glue.get_databases()["DatabaseList"] == []
    assert glue.get_connections()["ConnectionList"] == []
    assert glue.get_security_configurations()["SecurityConfigurations"] == []
    assert glue.get_resource_policies()["GetResourcePoliciesResponseList"] == []
    settings = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert settings["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}
