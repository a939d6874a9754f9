"""``/iceberg`` over plain HTTP: what no client library shows, and what hostile clients send."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import ForbiddenError

from tests.conftest import Server

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "a", "required": True, "type": "long"},
        {"id": 2, "name": "b", "required": False, "type": "string"},
    ],
}


class Door:
    """The catalog of one namespace."""

    def __init__(self, server: Server, namespace: str) -> None:
        self.server = server
        self.namespace = namespace
        self.base = f"{server.endpoint}/iceberg/v1/catalogs/123456789012"
        self.session = requests.Session()

    def __call__(self, method: str, path: str, document: Any = None, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.base + path.replace("{ns}", self.namespace)
        return self.session.request(method, url, json=document, timeout=180, **options)

    def table(self, name: str, **members: Any) -> dict[str, Any]:
        answer = self("POST", "/namespaces/{ns}/tables", {"name": name, "schema": SCHEMA, **members})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def door(server: Server, name: str) -> Iterator[Door]:
    server.client("s3").create_bucket(Bucket=name)
    found = Door(server, name)
    made = found("POST", "/namespaces", {"namespace": [name], "properties": {"location": f"s3://{name}/w"}})
    assert made.status_code == 200
    yield found
    found.session.close()


def _error(answer: requests.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["message"]
    return answer.status_code, error["type"]


def _set(**properties: str) -> dict[str, Any]:
    return {"requirements": [], "updates": [{"action": "set-properties", "updates": properties}]}


def test_configuration(server: Server) -> None:
    config = requests.get(f"{server.endpoint}/iceberg/v1/config", timeout=180).json()
    assert config["overrides"] == {"prefix": "catalogs/123456789012"}
    assert config["defaults"]["s3.endpoint"] == server.endpoint
    assert "POST /v1/{prefix}/transactions/commit" in config["endpoints"]
    for warehouse, status in (("123456789012", 200), ("123456789012:none", 404), ("s3://b/x", 400)):
        answer = requests.get(
            f"{server.endpoint}/iceberg/v1/config", params={"warehouse": warehouse}, timeout=180
        )
        assert answer.status_code == status, warehouse
    other = requests.get(f"{server.endpoint}/iceberg/v1/config?warehouse=210987654321", timeout=180)
    assert _error(other) == (403, "ForbiddenException")


def test_pages_of_web_browsers_are_kept_out(server: Server) -> None:
    page = {"Origin": "https://example.com"}
    answer = requests.get(f"{server.endpoint}/iceberg/v1/config", headers=page, timeout=180)
    assert _error(answer) == (403, "ForbiddenException")


def test_a_bucket_may_be_called_iceberg(server: Server) -> None:
    s3 = server.client("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="iceberg")
    for key in ("v1/config", "data.csv"):
        s3.put_object(Bucket="iceberg", Key=key, Body=b"mine")
        assert s3.get_object(Bucket="iceberg", Key=key)["Body"].read() == b"mine"
        link = s3.generate_presigned_url("get_object", Params={"Bucket": "iceberg", "Key": key})
        assert requests.get(link, timeout=180).content == b"mine"
    assert "overrides" in requests.get(f"{server.endpoint}/iceberg/v1/config", timeout=180).json()
    by_name = requests.get(
        f"{server.endpoint}/iceberg/v1/config",
        headers={"Host": f"glue.us-east-1.localhost:{server.port}"},
        timeout=180,
    )
    assert by_name.json()["defaults"]["s3.endpoint"] == f"http://localhost:{server.port}"


def test_where_keys_are_configured_they_are_checked(tmp_path: Path) -> None:
    settings = tmp_path / "mastic.toml"
    settings.write_text('[[access_keys]]\naccess_key_id = "AKIAREAL"\nsecret_access_key = "right"\n')
    strict = Server(tmp_path / "data", {"MASTIC_CONFIG": str(settings)}).start()
    try:
        base = f"{strict.endpoint}/iceberg"
        assert _error(requests.get(f"{base}/v1/config", timeout=180)) == (401, "NotAuthorizedException")

        def catalog(key: str, secret: str) -> RestCatalog:
            properties = {
                "rest.sigv4-enabled": "true", "rest.signing-name": "glue", "rest.signing-region": "us-east-1",
                "client.access-key-id": key, "client.secret-access-key": secret, "client.region": "us-east-1",
            }  # fmt: skip
            return RestCatalog("strict", uri=base, **properties)

        for key, secret in (("AKIAREAL", "wrong"), ("AKIANOT", "right")):
            with pytest.raises(ForbiddenError):
                catalog(key, secret)
        known = catalog("AKIAREAL", "right")
        known.create_namespace("db with space", {"location": "s3://b/x y"})
        assert known.load_namespace_properties("db with space") == {"location": "s3://b/x y"}
        assert "s3.access-key-id" not in known.properties
    finally:
        strict.stop()


def test_what_is_not_there_says_so(door: Door) -> None:
    assert _error(door("GET", "/namespaces/{ns}/tables/none")) == (404, "NoSuchTableException")
    assert _error(door("GET", "/namespaces/none/tables/none")) == (404, "NoSuchTableException")
    assert _error(door("GET", "/namespaces/none/tables")) == (404, "NoSuchNamespaceException")
    assert _error(door("GET", "/namespaces/{ns}/views/none")) == (404, "NoSuchViewException")
    assert _error(door("POST", "/namespaces/{ns}/tables/none", _set(a="b"))) == (404, "NoSuchTableException")
    assert _error(door("GET", "/nothing/here")) == (404, "NotFoundException")
    assert _error(door("PUT", "/namespaces/{ns}")) == (405, "MethodNotAllowedException")
    plan = door("POST", "/namespaces/{ns}/tables/t/plan", {})
    assert _error(plan) == (406, "UnsupportedOperationException")
    missing = door("HEAD", "/namespaces/{ns}/tables/none")
    assert (missing.status_code, missing.content) == (404, b"")


def test_an_etag_saves_the_metadata(door: Door) -> None:
    door.table("t")
    first = door("GET", "/namespaces/{ns}/tables/t")
    tag = first.headers["ETag"]
    again = door("GET", "/namespaces/{ns}/tables/t", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert door("POST", "/namespaces/{ns}/tables/t", _set(k="v")).status_code == 200
    changed = door("GET", "/namespaces/{ns}/tables/t", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["metadata"]["properties"]) == (200, {"k": "v"})


def test_locations_and_configuration_of_tables(door: Door) -> None:
    made = door.table("t", location=f"s3://{door.namespace}/elsewhere/")
    assert made["metadata"]["location"] == f"s3://{door.namespace}/elsewhere"
    assert made["config"]["s3.endpoint"] == door.server.endpoint
    assert made["config"]["s3.access-key-id"]
    credentials = door("GET", "/namespaces/{ns}/tables/t/credentials").json()["storage-credentials"]
    assert credentials == [{"prefix": f"s3://{door.namespace}/", "config": made["config"]}]
    refused = door("POST", "/namespaces/{ns}/tables", {"name": "u", "schema": SCHEMA, "location": "/tmp/x"})
    assert _error(refused) == (400, "BadRequestException")
    bare = f"{door.namespace}x"
    assert door("POST", "/namespaces", {"namespace": [bare]}).status_code == 200
    nowhere = door("POST", f"/namespaces/{bare}/tables", {"name": "u", "schema": SCHEMA})
    assert _error(nowhere) == (400, "BadRequestException")


def test_requirements(door: Door) -> None:
    made = door.table("t")["metadata"]

    def commit(requirement: dict[str, Any]) -> requests.Response:
        return door("POST", "/namespaces/{ns}/tables/t", {**_set(k="v"), "requirements": [requirement]})

    assert commit({"type": "assert-table-uuid", "uuid": made["table-uuid"]}).status_code == 200
    stale = [
        {"type": "assert-table-uuid", "uuid": "00000000-0000-0000-0000-000000000000"},
        {"type": "assert-create"},
        {"type": "assert-current-schema-id", "current-schema-id": 7},
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 7},
        {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 1},
    ]
    for requirement in stale:
        assert _error(commit(requirement)) == (409, "CommitFailedException"), requirement
    assert _error(commit({"type": "assert-luck"})) == (400, "BadRequestException")


def test_updates_as_other_clients_send_them(door: Door) -> None:
    door.table("t")

    def commit(*updates: dict[str, Any]) -> dict[str, Any]:
        answer = door("POST", "/namespaces/{ns}/tables/t", {"requirements": [], "updates": list(updates)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["metadata"]
        return found

    three = {"id": 3, "name": "c", "required": False, "type": "double"}
    wider = {**SCHEMA, "schema-id": 0, "fields": [*SCHEMA["fields"], three]}
    current = {"action": "set-current-schema", "schema-id": -1}
    after = commit({"action": "add-schema", "schema": wider}, current)
    # The id that the client chose was taken.
    assert (after["current-schema-id"], len(after["schemas"])) == (1, 2)
    # The first schema is there already: it is found again, not added.
    after = commit({"action": "add-schema", "schema": {**SCHEMA, "schema-id": 9}}, current)
    assert (after["current-schema-id"], len(after["schemas"])) == (0, 2)
    columns = door.server.client("glue").get_table(DatabaseName=door.namespace, Name="t")["Table"][
        "StorageDescriptor"
    ]["Columns"]
    assert [c["Name"] for c in columns] == ["a", "b", "c"]
    assert columns[2]["Parameters"]["iceberg.field.current"] == "false"
    # Removals of what is not there are no mistake.
    gone = {"action": "remove-snapshots", "snapshot-ids": [5]}
    before = door("GET", "/namespaces/{ns}/tables/t").json()["metadata-location"]
    commit({"action": "remove-properties", "removals": ["none"]}, gone)
    assert door("GET", "/namespaces/{ns}/tables/t").json()["metadata-location"] == before
    for version in (1, 3):
        update = {"action": "upgrade-format-version", "format-version": version}
        refused = door("POST", "/namespaces/{ns}/tables/t", {"requirements": [], "updates": [update]})
        assert _error(refused) == (400, "BadRequestException")


def test_a_new_table_has_what_every_reader_asks_for(door: Door) -> None:
    made = {
        "requirements": [{"type": "assert-create"}],
        "updates": [
            {"action": "set-location", "location": f"s3://{door.namespace}/w/bare"},
            {"action": "add-schema", "schema": {**SCHEMA, "schema-id": 0}},
            {"action": "set-current-schema", "schema-id": -1},
        ],
    }
    answer = door("POST", "/namespaces/{ns}/tables/bare", made)
    assert answer.status_code == 200, answer.text
    by_commit = answer.json()["metadata"]
    for metadata in (by_commit, door.table("plain")["metadata"]):
        assert metadata["format-version"] == 2
        assert metadata["last-column-id"] == 2
        assert metadata["last-partition-id"] == 999
        assert (metadata["current-schema-id"], metadata["default-spec-id"]) == (0, 0)
        assert metadata["partition-specs"] == [{"spec-id": 0, "fields": []}]
        assert metadata["default-sort-order-id"] == 0
        assert metadata["sort-orders"] == [{"order-id": 0, "fields": []}]
        for member in ("table-uuid", "last-sequence-number", "last-updated-ms", "location", "schemas"):
            assert metadata[member] is not None, member
    incomplete = {**made, "updates": made["updates"][1:]}
    assert _error(door("POST", "/namespaces/{ns}/tables/none", incomplete)) == (400, "BadRequestException")


def test_a_transaction_is_all_or_nothing(door: Door) -> None:
    for name in ("one", "two"):
        door.table(name)

    def change(name: str, *requirements: dict[str, Any], **properties: str) -> dict[str, Any]:
        identifier = {"namespace": [door.namespace], "name": name}
        return {**_set(**properties), "identifier": identifier, "requirements": list(requirements)}

    def properties(name: str) -> Any:
        return door("GET", f"/namespaces/{{ns}}/tables/{name}").json()["metadata"]["properties"]

    def metadata_files() -> int:
        found = door.server.client("s3").list_objects_v2(Bucket=door.namespace)
        return sum(one["Key"].endswith(".metadata.json") for one in found["Contents"])

    both = {"table-changes": [change("one", k="1"), change("two", k="2")]}
    assert door("POST", "/transactions/commit", both).status_code == 204
    assert (properties("one"), properties("two")) == ({"k": "1"}, {"k": "2"})
    files = metadata_files()
    failing = [change("one", k="3"), change("two", {"type": "assert-create"}, k="4")]
    answer = door("POST", "/transactions/commit", {"table-changes": failing})
    assert _error(answer) == (409, "CommitFailedException")
    unknown = [change("one", k="3"), change("none", k="4")]
    answer = door("POST", "/transactions/commit", {"table-changes": unknown})
    assert _error(answer) == (404, "NoSuchTableException")
    assert (properties("one"), properties("two")) == ({"k": "1"}, {"k": "2"})
    assert metadata_files() == files
    twice = {"table-changes": [change("one", k="5"), change("ONE", k="6")]}
    assert _error(door("POST", "/transactions/commit", twice)) == (400, "BadRequestException")


def test_a_glue_writer_in_between_loses_nothing(door: Door) -> None:
    door.table("t")
    glue = door.server.client("glue")
    table = glue.get_table(DatabaseName=door.namespace, Name="t")["Table"]
    body = {m: table[m] for m in ("Name", "TableType", "Parameters", "StorageDescriptor")}
    assert door("POST", "/namespaces/{ns}/tables/t", _set(k="v")).status_code == 200
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName=door.namespace, TableInput=body, VersionId=table["VersionId"])
    table = glue.get_table(DatabaseName=door.namespace, Name="t")["Table"]
    assert table["Parameters"]["previous_metadata_location"] == body["Parameters"]["metadata_location"]
    body["Parameters"] = {**table["Parameters"], "mine": "kept"}
    glue.update_table(DatabaseName=door.namespace, TableInput=body, VersionId=table["VersionId"])
    assert door("POST", "/namespaces/{ns}/tables/t", _set(l="w")).status_code == 200
    table = glue.get_table(DatabaseName=door.namespace, Name="t")["Table"]
    assert table["Parameters"]["mine"] == "kept"


def test_replacing_views(door: Door) -> None:
    def version(sql: str, *dialects: str) -> dict[str, Any]:
        representations = [{"type": "sql", "sql": f"{sql} -- {d}", "dialect": d} for d in dialects]
        return {
            "version-id": 1, "schema-id": -1, "timestamp-ms": 1_700_000_000_000, "summary": {"engine": "x"},
            "representations": representations, "default-namespace": [door.namespace],
        }  # fmt: skip

    created = door(
        "POST",
        "/namespaces/{ns}/views",
        {
            "name": "v",
            "schema": SCHEMA,
            "view-version": version("SELECT 1 AS a", "spark"),
            "properties": {"comment": "c"},
        },
    )
    assert created.status_code == 200, created.text
    metadata = created.json()["metadata"]
    replace = {
        "requirements": [{"type": "assert-view-uuid", "uuid": metadata["view-uuid"]}],
        "updates": [
            {"action": "add-schema", "schema": {**SCHEMA, "fields": SCHEMA["fields"][:1]}},
            {"action": "add-view-version", "view-version": version("SELECT 2 AS a", "spark", "trino")},
            {"action": "set-current-view-version", "view-version-id": -1},
            {"action": "set-properties", "updates": {"version.history.num-entries": "2"}},
        ],
    }
    after = door("POST", "/namespaces/{ns}/views/v", replace).json()["metadata"]
    assert (after["current-version-id"], len(after["versions"]), len(after["schemas"])) == (2, 2, 2)
    assert [entry["version-id"] for entry in after["version-log"]] == [1, 2]
    third = {"requirements": [], "updates": [dict(u) for u in replace["updates"][:3]]}
    after = door("POST", "/namespaces/{ns}/views/v", third).json()["metadata"]
    assert [entry["version-id"] for entry in after["version-log"]] == [2, 3]
    seen = door.server.client("glue").get_table(DatabaseName=door.namespace, Name="v")["Table"]
    assert seen["Description"] == "c"
    assert seen["ViewOriginalText"] == "SELECT 2 AS a -- spark"
    assert [c["Name"] for c in seen["StorageDescriptor"]["Columns"]] == ["a"]
    dialects = {r["Dialect"]: r["ViewOriginalText"] for r in seen["ViewDefinition"]["Representations"]}
    assert dialects == {"SPARK": "SELECT 2 AS a -- spark", "ATHENA": "SELECT 2 AS a -- trino"}
    wrong = {"requirements": [{"type": "assert-view-uuid", "uuid": "x"}], "updates": []}
    assert _error(door("POST", "/namespaces/{ns}/views/v", wrong)) == (409, "CommitFailedException")
    door.table("t")
    ends = {
        "source": {"namespace": [door.namespace], "name": "v"},
        "destination": {"namespace": [door.namespace], "name": "t"},
    }
    assert _error(door("POST", "/views/rename", ends)) == (409, "AlreadyExistsException")
    ends["destination"]["name"] = "w"
    assert door("POST", "/views/rename", ends).status_code == 204
    assert door("HEAD", "/namespaces/{ns}/views/w").status_code == 204
    assert _error(door("POST", "/tables/rename", ends)) == (404, "NoSuchTableException")


def test_athena_reads_the_views_of_trino(door: Door) -> None:
    schema = {**SCHEMA, "fields": SCHEMA["fields"][:1]}
    representation = {"type": "sql", "sql": "SELECT 42 AS a", "dialect": "trino"}
    version = {
        "version-id": 1, "schema-id": 0, "timestamp-ms": 1, "summary": {}, "representations": [representation],
        "default-namespace": [door.namespace],
    }  # fmt: skip
    body = {"name": "v", "schema": schema, "view-version": version, "properties": {}}
    assert door("POST", "/namespaces/{ns}/views", body).status_code == 200
    athena = door.server.client("athena")
    started = athena.start_query_execution(
        QueryString=f"SELECT * FROM {door.namespace}.v",
        ResultConfiguration={"OutputLocation": f"s3://{door.namespace}/results/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.1)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    assert rows[1]["Data"] == [{"VarCharValue": "42"}]


def test_metrics_are_taken(door: Door) -> None:
    door.table("t")
    report = {
        "report-type": "scan-report", "table-name": "t", "snapshot-id": 1, "filter": {"type": "true"},
        "schema-id": 0, "projected-field-ids": [1], "projected-field-names": ["a"], "metrics": {},
    }  # fmt: skip
    assert door("POST", "/namespaces/{ns}/tables/t/metrics", report).status_code == 204
    assert _error(door("POST", "/namespaces/{ns}/tables/t/metrics", {"report-type": "x"})) == (
        400,
        "BadRequestException",
    )


def test_compressed_bodies(door: Door) -> None:
    body = gzip.compress(json.dumps({"name": "t", "schema": SCHEMA}).encode())
    answer = door(
        "POST",
        "/namespaces/{ns}/tables",
        data=body,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    broken = door("POST", "/namespaces/{ns}/tables", data=body[:20], headers={"Content-Encoding": "gzip"})
    assert _error(broken) == (400, "BadRequestException")


# -- hostile clients -----------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "name", "namespace", "schema", "type", "struct", "fields", "id", "required", "updates", "requirements",
        "action", "add-schema", "set-current-schema", "schema-id", "set-properties", "add-snapshot", "snapshot",
        "snapshot-id", "add-spec", "spec", "spec-id", "add-sort-order", "sort-order", "order-id", "direction",
        "transform", "source-id", "field-id", "set-snapshot-ref", "ref-name", "assert-create", "location",
        "assert-ref-snapshot-id", "ref", "identifier", "table-changes", "source", "destination", "removals",
        "properties", "view-version", "representations", "metadata-location", "long", "list", "bucket[0]",
        "decimal(99,1)", "fixed[-1]", "s3://x", "main", "branch", "set-location", "remove-snapshots", "sql",
        "upgrade-format-version", "format-version", "assign-uuid", "uuid", "set-statistics", "statistics",
        "stage-create", "write-order", "partition-spec", "\0", "", "é", "a" * 300,
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
# Where a hostile document goes, and a right one that it is mixed into.
TARGETS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/namespaces", {"namespace": ["{ns}"], "properties": {}}),
    ("POST", "/namespaces/{ns}/properties", {"removals": [], "updates": {}}),
    ("POST", "/namespaces/{ns}/tables", {"name": "new", "schema": SCHEMA, "stage-create": True}),
    ("POST", "/namespaces/{ns}/tables/t", {"requirements": [], "updates": []}),
    ("POST", "/namespaces/{ns}/register", {"name": "r", "metadata-location": "s3://none/x"}),
    ("POST", "/tables/rename", {"source": {}, "destination": {}}),
    ("POST", "/transactions/commit", {"table-changes": []}),
    ("POST", "/namespaces/{ns}/views", {"name": "v", "schema": SCHEMA, "view-version": {}}),
    ("POST", "/namespaces/{ns}/tables/t/metrics", {"report-type": "scan-report"}),
]


@pytest.fixture(scope="module")
def hostile(server: Server) -> Iterator[Door]:
    found = Door(server, "iceberg_hostile")
    server.client("s3").create_bucket(Bucket="iceberg-hostile")
    place = {"location": "s3://iceberg-hostile/w"}
    found("POST", "/namespaces", {"namespace": ["iceberg_hostile"], "properties": place})
    found.table("t")
    yield found
    found.session.close()


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(target=st.sampled_from(TARGETS), member=WORDS, value=VALUES, whole=st.booleans())
def test_no_document_breaks_the_server(
    hostile: Door, target: tuple[str, str, dict[str, Any]], member: str, value: Any, whole: bool
) -> None:
    method, path, right = target
    known = [*right, member]
    document = value if whole else {**right, known[len(repr(value)) % len(known)]: value}
    answer = hostile(method, path, document)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        _error(answer)


UPDATES: list[dict[str, Any]] = [
    {"action": "add-schema", "schema": SCHEMA},
    {"action": "set-current-schema", "schema-id": -1},
    {"action": "add-spec", "spec": {"spec-id": 1, "fields": []}},
    {"action": "set-default-spec", "spec-id": -1},
    {"action": "add-sort-order", "sort-order": {"order-id": 1, "fields": []}},
    {"action": "set-default-sort-order", "sort-order-id": -1},
    {
        "action": "add-snapshot",
        "snapshot": {
            "snapshot-id": 1,
            "timestamp-ms": 1,
            "manifest-list": "s3://iceberg-hostile/m",
            "sequence-number": 1,
        },
    },
    {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
    {"action": "remove-snapshot-ref", "ref-name": "main"},
    {"action": "remove-snapshots", "snapshot-ids": [1]},
    {"action": "set-location", "location": "s3://iceberg-hostile/w/t"},
    {"action": "set-properties", "updates": {"k": "v"}},
    {"action": "remove-properties", "removals": ["k"]},
    {"action": "remove-schemas", "schema-ids": [1]},
    {"action": "remove-partition-specs", "spec-ids": [1]},
    {"action": "upgrade-format-version", "format-version": 2},
    {"action": "assign-uuid", "uuid": "00000000-0000-0000-0000-000000000000"},
    {"action": "remove-statistics", "snapshot-id": 1},
]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(
    chosen=st.lists(st.sampled_from(UPDATES), min_size=1, max_size=5),
    member=WORDS,
    value=VALUES,
    creates=st.booleans(),
)
def test_no_update_breaks_the_server_or_the_table(
    hostile: Door, chosen: list[dict[str, Any]], member: str, value: Any, creates: bool
) -> None:
    spoilt = [dict(one) for one in chosen]
    keys = [key for key in spoilt[0] if key != "action"]
    spoilt[0][keys[len(member) % len(keys)]] = value
    requirements = [{"type": "assert-create"}] if creates else []
    for updates in (spoilt, chosen):
        answer = hostile(
            "POST", "/namespaces/{ns}/tables/t", {"requirements": requirements, "updates": updates}
        )
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            _error(answer)
    assert hostile("GET", "/namespaces/{ns}/tables/t").status_code == 200
    # Whatever was accepted can be read and changed again.
    assert hostile("POST", "/namespaces/{ns}/tables/t", _set(k=str(time.time()))).status_code == 200


def test_depth_and_nonsense(hostile: Door) -> None:
    text = '{"name":"deep","schema":{"type":"struct","fields":[{"id":1,"name":"a","required":false,"type":'
    body = (
        text
        + '{"type":"list","element-id":2,"element-required":false,"element":' * 600
        + '"long"'
        + "}" * 600
    )
    for data in (body + "}]}}", "[" * 100_000, "null", "", "{", "\xff", '{"name": 1e999}'):
        answer = hostile("POST", "/namespaces/{ns}/tables", data=data.encode("latin-1"))
        assert _error(answer)[0] == 400, answer.text[:300]
    for path, document in (
        ("/namespaces", {"namespace": 5}),
        ("/namespaces", {"namespace": [5]}),
        ("/namespaces", {"namespace": {"a": 1}}),
        ("/tables/rename", {"source": {"namespace": 5, "name": []}, "destination": {"namespace": "x"}}),
        ("/transactions/commit", {"table-changes": [{"identifier": {"namespace": 1, "name": {}}}]}),
        ("/transactions/commit", {"table-changes": {"a": 1}}),
        ("/namespaces/{ns}/tables", {"name": ["x"]}),
        ("/namespaces/{ns}/tables", {"name": "x", "schema": SCHEMA, "location": {"a": 1}}),
        ("/namespaces/{ns}/tables/t", {"updates": [5]}),
        ("/namespaces/{ns}/tables/t", {"updates": [{"action": "set-statistics", "statistics": 1}]}),
        ("/namespaces/{ns}/tables/t", {"updates": [{"action": "set-statistics"}]}),
        ("/namespaces/{ns}/tables/t", {"updates": [{"action": ["x"]}]}),
    ):
        answer = hostile("POST", path, document)
        assert _error(answer)[0] == 400, (document, answer.text)
    for path in ("/namespaces/%00", "/namespaces/%FF%FE", "/namespaces/{ns}/tables/%2E%2E%2F", "//", "/%1F"):
        assert hostile("GET", path).status_code in (400, 404), path
    for query in (
        "pageSize=x",
        "pageSize=0",
        "pageSize=-1",
        "pageToken=forged",
        "pageSize=99999999999999999999",
    ):
        answer = hostile("GET", f"/namespaces/{{ns}}/tables?{query}")
        assert answer.status_code in (200, 400), query
