"""Databases as sources and sinks: real PostgreSQL and MariaDB servers that the tests start."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from tests.ports import free_port

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


HOMES = {}


def binary(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin")
    return found or (str(BIN[-1] / name) if BIN and (BIN[-1] / name).exists() else None)


def as_user(name, command):
    if os.geteuid() == 0:
        return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", *command]
    return command


def wait_for(process, connect):
    deadline = time.monotonic() + 300
    while True:
        try:
            connect().close()
            return
        except Exception:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def certificate(home, owner):
    """A certificate of one's own for this machine, server.pem and server.key."""
    make = "req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj /CN=localhost"
    names = "-addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    files = f"-keyout {home}/server.key -out {home}/server.pem"
    subprocess.run(["openssl", *f"{make} {names} {files}".split()], check=True, capture_output=True)
    if owner and os.geteuid() == 0:
        shutil.chown(home / "server.key", owner, owner)
    return home / "server.pem"


@pytest.fixture(scope="session")
def postgres():
    """(jdbc url, connect)"""
    psycopg = pytest.importorskip("psycopg")
    if not binary("initdb"):
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="gluepg"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    port = free_port()
    data = home / "data"
    subprocess.run(
        as_user(
            "postgres",
            [binary("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
        ),
        check=True,
        capture_output=True,
    )
    command = [
        binary("postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        str(home),
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "ssl=on",
        "-c",
        f"ssl_cert_file={certificate(home, 'postgres')}",
        "-c",
        f"ssl_key_file={home}/server.key",
    ]
    with open(os.devnull, "wb") as log:
        process = subprocess.Popen(as_user("postgres", command), stdout=log, stderr=log)

    def connect():
        return psycopg.connect(
            host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
        )

    wait_for(process, connect)
    HOMES["postgresql"] = home
    yield f"jdbc:postgresql://127.0.0.1:{port}/postgres", connect
    process.terminate()
    process.wait()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb():
    """(jdbc url, connect)"""
    pymysql = pytest.importorskip("pymysql")
    if not binary("mariadbd") or not binary("mariadb-install-db"):
        pytest.skip("MariaDB is not installed")
    home = Path(tempfile.mkdtemp(prefix="glueddb"))
    data = home / "data"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            binary("mariadb-install-db"),
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *user,
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    command = [
        binary("mariadbd"),
        f"--datadir={data}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={home}/s",
        "--innodb-flush-log-at-trx-commit=0",
        "--skip-log-bin",
        f"--ssl-cert={certificate(home, '')}",
        f"--ssl-key={home}/server.key",
        *user,
    ]
    with open(os.devnull, "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)

    def connect(database=None):
        return pymysql.connect(host="127.0.0.1", port=port, user="root", database=database, autocommit=True)

    wait_for(process, connect)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database shop character set utf8mb4")
    HOMES["mysql"] = home
    yield f"jdbc:mysql://127.0.0.1:{port}/shop", lambda: connect("shop")
    process.terminate()
    process.wait()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["postgresql", "mysql"])
def store(request):
    """One database: kind, url, connect, user, run(statement), and a fresh table name."""

    class Store:
        kind = request.param
        url, open = request.getfixturevalue("postgres" if request.param == "postgresql" else "mariadb")
        user = "postgres" if request.param == "postgresql" else "root"
        table = f"t{uuid.uuid4().hex[:8]}"

        def run(self, statement, *parameters):
            with type(self).open() as connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return list(cursor.fetchall()) if cursor.description else None

        def options(self, **more):
            return {"url": self.url, "user": self.user, "password": "", "dbtable": self.table, **more}

    return Store()


def read(glue, store, ctx="", **options):
    return glue.create_dynamic_frame.from_options(
        store.kind, store.options(**options), transformation_ctx=ctx
    )


TYPES = {
    "postgresql": "id int primary key, b bigint, s smallint, r real, d double precision, n numeric(9,2), "
    "t text, u uuid, "
    "y bytea, o boolean, e date, m timestamp, j jsonb",
    "mysql": "id int primary key, b bigint, s smallint, r float, d double, n decimal(9,2), t text, u char(36), "
    "y blob, o tinyint(1), e date, m datetime(6), j json",
}


def test_types(glue, store, records):
    store.run(f"create table {store.table} ({TYPES[store.kind]})")
    key = str(uuid.UUID(int=7))
    store.run(
        f"insert into {store.table} values (1, 2, 3, 1.5, 2.5, 12.34, 'é', '{key}', %s, true, "
        "'2020-01-02', '2020-01-02 03:04:05.000006', %s)",
        b"\x00\xff",
        '{"a": 1}',
    )
    store.run(f"insert into {store.table} (id) values (2)")
    frame = read(glue, store)
    kinds = {field.name: field.dataType.typeName() for field in frame.schema()}
    assert (
        kinds["id"],
        kinds["b"],
        kinds["n"],
        kinds["t"],
        kinds["y"],
        kinds["o"],
        kinds["e"],
        kinds["m"],
    ) == ("int", "long", "decimal", "string", "binary", "boolean", "date", "timestamp")
    found = {row["id"]: row for row in records(frame)}
    assert found[1] == {
        "id": 1,
        "b": 2,
        "s": 3,
        "r": 1.5,
        "d": 2.5,
        "n": Decimal("12.34"),
        "t": "é",
        "u": key,
        "y": b"\x00\xff",
        "o": True,
        "e": dt.date(2020, 1, 2),
        "m": dt.datetime(2020, 1, 2, 3, 4, 5, 6),
        "j": '{"a": 1}',
    }
    assert all(value is None for name, value in found[2].items() if name != "id")


def test_parallel_reads_give_each_row_once(glue, store):
    store.run(f"create table {store.table} (id int, name varchar(20))")
    rows = ", ".join(
        f"({n if n % 10 else 'null'}, {repr(str(n)) if n % 7 else 'null'})" for n in range(-50, 150)
    )
    store.run(f"insert into {store.table} values {rows}")
    for options in (
        {},
        {"hashfield": "name"},
        {"hashfield": "name", "hashpartitions": "3"},
        {"hashexpression": "id", "hashpartitions": 4},
    ):
        frame = read(glue, store, **options)
        assert frame.count() == 200, options
        assert frame.toDF().distinct().count() == len(
            {(n if n % 10 else None, n if n % 7 else None) for n in range(-50, 150)}
        )


def test_sample_query(glue, store):
    store.run(f"create table {store.table} (id int)")
    store.run(f"insert into {store.table} values (1), (2), (3)")
    assert read(glue, store, sampleQuery=f"select * from {store.table} where id > 1").count() == 2
    split = read(
        glue,
        store,
        sampleQuery=f"select * from {store.table} where id > 1 and",
        enablePartitioningForSampleQuery=True,
        hashfield="id",
        hashpartitions="2",
    )
    assert split.count() == 2


def test_no_rows_and_no_queries(glue, store):
    store.run(f"create table {store.table} (id int, t text)")
    frame = read(glue, store)
    assert frame.count() == 0
    assert [field.name for field in frame.schema()] == ["id", "t"]
    with pytest.raises(ValueError, match="name"):
        glue.create_dynamic_frame.from_options(store.kind, store.options(dbtable="(select 1) x")).count()


def test_write_and_back(glue, store, frame, records):
    source = frame(
        "id int, n bigint, t string, s struct<x:int>, d date, f double, o boolean",
        [(1, 2, "é\t\n'", (5,), dt.date(2020, 1, 2), 1.5, True), (2, None, None, None, None, None, None)],
    )
    for _ in range(2):
        glue.write_dynamic_frame.from_options(source, store.kind, store.options(bulkSize="1"))
    found = records(read(glue, store))
    assert len(found) == 4
    row = next(one for one in found if one["id"] == 1)
    assert row == {
        "id": 1,
        "n": 2,
        "t": "é\t\n'",
        "s": '{"x":5}',
        "d": dt.date(2020, 1, 2),
        "f": 1.5,
        "o": True,
    }


def test_a_failed_write_leaves_nothing(glue, store, frame):
    store.run(f"create table {store.table} (id int primary key)")
    with pytest.raises(Exception, match=r"(?i)duplicate"):
        glue.write_dynamic_frame.from_options(
            frame("id int", [(1,), (2,), (1,)]), store.kind, store.options()
        )
    assert store.run(f"select count(*) from {store.table}")[0][0] == 0


def test_pre_and_post_actions(glue, store, frame):
    store.run(f"create table {store.table} (id int)")
    store.run(f"insert into {store.table} values (7)")
    options = store.options(
        preactions=f"delete from {store.table}; insert into {store.table} values (8)",
        postactions=f"insert into {store.table} values (9)",
    )
    glue.write_dynamic_frame.from_options(frame("id int", [(1,)]), store.kind, options)
    assert sorted(row[0] for row in store.run(f"select id from {store.table}")) == [1, 8, 9]


def test_glue_connections(glue, store, frame, monkeypatch):
    """The connection's definition comes from the Glue API; its answer is checked against AWS's own model."""
    import boto3
    from botocore.stub import Stubber

    from awsglue._sources import catalog

    client = boto3.client("glue", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    answer = {
        "Connection": {
            "Name": "c",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": store.url,
                "USERNAME": store.user,
                "JDBC_ENFORCE_SSL": "false",
            },
        }
    }
    monkeypatch.setattr(catalog, "glue_client", lambda: client)
    with Stubber(client) as stub:
        for _ in range(3):
            stub.add_response("get_connection", answer, {"Name": "c", "HidePassword": False})
        conf = glue.extract_jdbc_conf("c")
        assert (conf["user"], conf["vendor"], conf["fullUrl"], conf["url"]) == (
            store.user,
            store.kind,
            store.url,
            store.url.rsplit("/", 1)[0],
        )
        glue.write_dynamic_frame.from_jdbc_conf(frame("id int", [(1,), (2,)]), "c", {"dbtable": store.table})
        read = glue.create_dynamic_frame.from_options(
            "jdbc", {"useConnectionProperties": "true", "connectionName": "c", "dbtable": store.table}
        )
        assert read.count() == 2


def test_bookmarks_by_keys(glue, store, job_runs):
    store.run(f"create table {store.table} (id int primary key, at timestamp null, part int)")
    run = job_runs(
        lambda ctx, **options: sorted(row["id"] for row in read(glue, store, ctx, **options).toDF().collect())
    )
    store.run(f"insert into {store.table} (id, part) values (1, 1), (5, 1)")
    assert run("c") == [1, 5]
    assert run("c") == []
    store.run(f"insert into {store.table} (id, part) values (3, 2), (9, 2)")
    assert run("c", commit=False) == [9]
    assert run("c") == [9]
    assert run("other", jobBookmarkKeys=["part", "id"]) == [1, 3, 5, 9]
    store.run(f"insert into {store.table} (id, part) values (4, 2), (0, 3), (10, 2)")
    assert run("other", jobBookmarkKeys=["part", "id"]) == [0, 10]
    assert run("down", jobBookmarkKeys=["id"], jobBookmarkKeysSortOrder="desc") == [0, 1, 3, 4, 5, 9, 10]
    store.run(f"insert into {store.table} (id, part) values (-1, 2), (11, 2)")
    assert run("down", jobBookmarkKeys=["id"], jobBookmarkKeysSortOrder="desc", hashfield="id") == [-1]


@pytest.fixture
def job_runs(glue, monkeypatch):
    from awsglue._runtime.channel import Channel, MemoryTransport
    from awsglue.job import Job

    transport = MemoryTransport()
    monkeypatch.setattr(Channel, "from_environment", classmethod(lambda cls: cls(transport)))

    def make(body):
        def run(ctx, commit=True, **options):
            job = Job(glue)
            job.init("j", {"job_bookmark_option": "job-bookmark-enable"})
            found = body(ctx, **options)
            if commit:
                job.commit()
            return found

        return run

    yield make
    Job._bookmarks = None


def test_other_vendors_are_refused(glue):
    with pytest.raises(NotImplementedError, match="db2"):
        glue.create_dynamic_frame.from_options("db2", {"url": "jdbc:db2://h:1521/x", "dbtable": "t"}).count()
    with pytest.raises(ValueError, match="url"):
        glue.create_dynamic_frame.from_options("mysql", {"dbtable": "t"})
    with pytest.raises(ValueError, match="not understood"):
        glue.create_dynamic_frame.from_options("mysql", {"url": "mysql://x", "dbtable": "t"})


@pytest.fixture
def encrypted(server, store):
    """Make a Glue connection to the store; the options that read over it."""
    import boto3

    def make(**properties):
        name = f"c{uuid.uuid4().hex[:8]}"
        boto3.client("glue").create_connection(
            ConnectionInput={
                "Name": name,
                "ConnectionType": "JDBC",
                "ConnectionProperties": {
                    "JDBC_CONNECTION_URL": properties.pop("url", store.url),
                    "USERNAME": store.user,
                    **properties,
                },
            }
        )
        return {"connectionName": name, "useConnectionProperties": "true"}

    return make


CIPHERS = {
    "postgresql": "select coalesce(max(cipher), '') c from pg_stat_ssl where pid = pg_backend_pid()",
    "mysql": "select variable_value c from information_schema.session_status where variable_name = 'Ssl_cipher'",
}


def cipher(glue, store, options):
    """How the connection that reads is encrypted, as the server sees it; "" for in clear."""
    asked = {**options, "sampleQuery": CIPHERS[store.kind]}
    (row,) = glue.create_dynamic_frame.from_options("jdbc", asked).toDF().collect()
    return row.c


def test_encryption_is_enforced_and_certificates_are_checked(glue, store, encrypted, frame, tmp_path):
    assert cipher(glue, store, encrypted(JDBC_ENFORCE_SSL="true")) != ""
    own = f"file://{HOMES[store.kind]}/server.pem"
    good = encrypted(JDBC_ENFORCE_SSL="true", CUSTOM_JDBC_CERT=own)
    assert cipher(glue, store, good) != ""
    glue.write_dynamic_frame.from_jdbc_conf(
        frame("id int, raw binary", [(1, bytearray(b"\x00\xff"))]),
        good["connectionName"],
        {"dbtable": store.table},
    )
    assert [bytes(row[0]) for row in store.run(f"select raw from {store.table}")] == [b"\x00\xff"]
    another = certificate(tmp_path, "")
    with pytest.raises(Exception, match=r"(?i)certificate"):
        cipher(glue, store, encrypted(JDBC_ENFORCE_SSL="true", CUSTOM_JDBC_CERT=f"file://{another}"))
    elsewhere = encrypted(
        JDBC_ENFORCE_SSL="true", CUSTOM_JDBC_CERT=own, url=store.url.replace("127.0.0.1", "127.0.0.2")
    )
    with pytest.raises(Exception, match=r"(?i)127\.0\.0\.2"):
        cipher(glue, store, elsewhere)


def test_certificates_that_glue_does_not_take(glue, store, encrypted, tmp_path):
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x"
    files = f"-keyout {tmp_path}/k -out {tmp_path}/ec.pem"
    subprocess.run(["openssl", *f"{make} {files}".split()], check=True, capture_output=True)
    own = f"file://{tmp_path}/ec.pem"
    with pytest.raises(ValueError, match="RSA keys"):
        cipher(glue, store, encrypted(JDBC_ENFORCE_SSL="true", CUSTOM_JDBC_CERT=own))
    skipped = encrypted(
        JDBC_ENFORCE_SSL="true", CUSTOM_JDBC_CERT=own, SKIP_CUSTOM_JDBC_CERT_VALIDATION="true"
    )
    with pytest.raises(Exception, match=r"(?i)certificate"):
        cipher(glue, store, skipped)
    with pytest.raises(ValueError, match="JDBC_ENFORCE_SSL"):
        cipher(glue, store, encrypted(CUSTOM_JDBC_CERT=own))


@pytest.mark.parametrize("format_name", ["redshift", "io.github.spark_redshift_community.spark.redshift"])
def test_redshift_s_connector_for_spark(spark, postgres, format_name):
    table = f"t{uuid.uuid4().hex[:8]}"
    df = spark.createDataFrame([(1, "a"), (2, None)], "id int, t string")
    address = f"{postgres[0].replace('postgresql', 'redshift')}?user=postgres&password=x"
    keys = {"url": address, "tempdir": "s3://t/t/", "aws_iam_role": "arn:aws:iam::1:role/r"}
    df.write.format(format_name).options(**keys).option("dbtable", table).mode("overwrite").save()
    read = spark.read.format(format_name).options(**keys)
    assert sorted(read.option("dbtable", table).load().collect()) == [(1, "a"), (2, None)]
    assert spark.read.format(format_name).options(**keys).option(
        "query", f"select count(*) as n from {table}"
    ).load().collect() == [(2,)]
    with pytest.raises(NotImplementedError, match="preactions"):
        df.write.format(format_name).options(**keys, dbtable=table, preactions="x").mode("append").save()


def test_redshift_over_its_protocol(glue, postgres, frame, records):
    """A server of the PostgreSQL protocol in Redshift's place: rows, queries, actions around a write."""
    url, _ = postgres
    table = f"t{uuid.uuid4().hex[:8]}"
    options = {
        "url": url.replace("jdbc:postgresql", "jdbc:redshift"),
        "user": "postgres",
        "password": "",
        "redshiftTmpDir": "s3://bucket/tmp/",
    }
    actions = {
        "preactions": f"create table {table} (id int, name varchar(100)); insert into {table} values (9, 'old')",
        "postactions": f"delete from {table} where id = 1",
    }
    source = frame("id int, name string", [(1, "a"), (2, "é")])
    glue.write_dynamic_frame.from_options(source, "redshift", {**options, "dbtable": table, **actions})
    read = glue.create_dynamic_frame.from_options("redshift", {**options, "dbtable": table})
    assert records(read) == [{"id": 2, "name": "é"}, {"id": 9, "name": "old"}]
    asked = {**options, "query": f"select upper(name) as big from {table} where id > 5"}
    assert records(glue.create_dynamic_frame.from_options("redshift", asked)) == [{"big": "OLD"}]
    upsert = {
        "dbtable": f"{table}_staging",
        "preactions": f"DROP TABLE IF EXISTS {table}_staging; CREATE TABLE {table}_staging (LIKE {table});",
        "postactions": f"BEGIN; DELETE FROM {table} USING {table}_staging WHERE {table}_staging.id = {table}.id; "
        f"INSERT INTO {table} SELECT * FROM {table}_staging; DROP TABLE {table}_staging; END;",
    }
    changed = frame("id int, name string", [(2, "new"), (3, "c")])
    glue.write_dynamic_frame.from_options(changed, "redshift", {**options, **upsert})
    read = glue.create_dynamic_frame.from_options("redshift", {**options, "dbtable": table})
    assert records(read) == [{"id": 2, "name": "new"}, {"id": 3, "name": "c"}, {"id": 9, "name": "old"}]
    # Redshift folds names in quotes, too.
    cased = frame("Id int, NAME string", [(4, "d")])
    glue.write_dynamic_frame.from_options(cased, "redshift", {**options, "dbtable": table.upper()})
    read = glue.create_dynamic_frame.from_options(
        "redshift", {**options, "dbtable": f"Public.{table.upper()}"}
    )
    assert {"id": 4, "name": "d"} in records(read)
    with pytest.raises(NotImplementedError, match="IAM"):
        glue.create_dynamic_frame.from_options("redshift", {**options, "dbtable": table, "DbUser": "me"})


@pytest.mark.parametrize(
    ("kind", "url", "package"),
    [
        ("sqlserver", "jdbc:sqlserver://127.0.0.1:{port};databaseName=shop;encrypt=false", "pymssql"),
        ("oracle", "jdbc:oracle:thin://@127.0.0.1:{port}/shop", "oracledb"),
    ],
)
def test_databases_that_do_not_answer(glue, frame, kind, url, package):
    """No such server can be had here: a closed port must be the driver's own error, and never no rows."""
    driver = pytest.importorskip(package)
    options = {"url": url.format(port=free_port()), "user": "u", "password": "p", "dbtable": "t"}
    with pytest.raises(driver.Error):
        glue.create_dynamic_frame.from_options(kind, options).count()
    with pytest.raises(driver.Error):
        glue.write_dynamic_frame.from_options(frame("id int", [(1,)]), kind, options)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jdbc:oracle:thin:@h:1522:orcl", ("oracle", "h", 1522, "orcl", "sid")),
        ("jdbc:oracle:thin:@//h/svc.example", ("oracle", "h", 1521, "svc.example", "service")),
        ("jdbc:oracle:thin://@h:1521/svc", ("oracle", "h", 1521, "svc", "service")),
        ("jdbc:sqlserver://h:1444;database=d;encrypt=true", ("sqlserver", "h", 1444, "d", None)),
        ("jdbc:sqlserver://h;databaseName=d;user=x", ("sqlserver", "h", 1433, "d", None)),
        ("jdbc:redshift://h:5439/dev", ("redshift", "h", 5439, "dev", None)),
    ],
)
def test_jdbc_urls(url, expected):
    from awsglue._sources.connections import address

    found = address(url)
    kind = dict(found.parameters).get("kind")
    assert (found.vendor, found.host, found.port, found.database, kind) == expected


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:postgresql://h:5432/db?user=u&password=S3CRET&sslmode=require",
        "jdbc:mysql://h/db?user=u&password=S3CRET",
        "jdbc:redshift://h:5439/dev;user=u;password=S3CRET",
        "jdbc:sqlserver://h;user=u;password=S3CRET",
        "jdbc:oracle:thin:u/S3CRET@h:1521:orcl",
        "jdbc:oracle:thin:u/S3CRET@//h:1521/svc",
    ],
)
def test_users_in_jdbc_urls(url):
    from awsglue._sources.connections import address

    found = address(url)
    assert (found.host, found.user, found.password) == ("h", "u", "S3CRET")
    assert "S3CRET" not in repr(found)
    given = address(url, "me", "mine")
    assert (given.user, given.password) == ("me", "mine")


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:oracle:thin:u/S3CRET@h:1521:orcl:x",
        "jdbc:postgresql://u:S3CRET@h/db",
        "jdbc:sqlserver://h\\inst;user=u;password=S3CRET",
        "S3CRET",
    ],
)
def test_errors_of_jdbc_urls_tell_no_password(url):
    from awsglue._sources.connections import address

    with pytest.raises(ValueError, match="JDBC URL") as caught:
        address(url)
    assert "S3CRET" not in str(caught.value)


def test_spark_s_own_way_to_databases(spark, store):
    from pyspark.errors import AnalysisException, IllegalArgumentException

    keys = {
        name: text
        for name, text in store.options(driver="x.Driver", fetchsize="10").items()
        if name != "dbtable"
    }
    rows = [(1, "a", 1.5, dt.date(2024, 1, 2)), (2, None, None, None), (3, "c", -2.0, dt.date(2024, 3, 1))]
    df = spark.createDataFrame(rows, "id int, name string, v double, d date")
    df.write.format("jdbc").options(**keys).option("dbtable", store.table).save()
    with pytest.raises(AnalysisException, match="already exists"):
        df.write.format("jdbc").options(**keys).option("dbtable", store.table).save()
    properties = {"user": store.user, "password": "", "driver": "x.Driver"}
    df.selectExpr("id + 3 as ID", "name").write.jdbc(store.url, store.table, "append", properties)
    df.write.mode("ignore").jdbc(store.url, store.table, properties=properties)
    found = spark.read.format("jdbc").options(**keys).option("dbtable", store.table).load()
    assert [kind for _, kind in found.dtypes] == ["int", "string", "double", "date"]
    assert [tuple(row) for row in found.orderBy("id").collect()][:3] == rows
    assert found.count() == 6
    query = f"select name, count(*) as n from {store.table} group by name"
    counted = spark.read.format("jdbc").options(**keys).option("query", query).load()
    assert sorted(map(tuple, counted.collect()), key=str) == [("a", 2), ("c", 2), (None, 2)]
    sliced = spark.read.jdbc(
        store.url, f"(select * from {store.table}) q", "ID", 1, 6, 3, properties=properties
    )
    assert sorted(row[0] for row in sliced.collect()) == [1, 2, 3, 4, 5, 6]
    parts = spark.read.jdbc(store.url, store.table, predicates=["id < 3", "id >= 5"], properties=properties)
    assert sorted(row[0] for row in parts.collect()) == [1, 2, 5, 6]
    assert spark.read.jdbc(store.url, store.table, predicates=[], properties=properties).collect() == []
    other = spark.read.format("jdbc").options(**keys).option("dbtable", store.table)
    assert other.option("customSchema", "id DECIMAL(38, 0)").load().dtypes[0][1] == "decimal(38,0)"
    # What is read and what is replaced may be the same table.
    found.where("id > 4").write.mode("overwrite").jdbc(store.url, store.table, properties=properties)
    assert [row[0] for row in store.run(f"select * from {store.table} order by 1")] == [5, 6]
    with pytest.raises(AnalysisException, match='Column "other" not found'):
        df.selectExpr("id as other").write.jdbc(store.url, store.table, "append", properties)
    with pytest.raises(IllegalArgumentException, match="JDBC type for array"):
        df.selectExpr("array(id) as s").write.jdbc(store.url, store.table, "append", properties)
    with pytest.raises(IllegalArgumentException, match="is required"):
        spark.read.format("jdbc").options(**keys).load()
    empty = df.selectExpr("id as other").write.mode("overwrite").option("truncate", "true")
    with pytest.raises(AnalysisException, match='Column "other" not found'):
        empty.jdbc(store.url, store.table, properties=properties)
    assert len(store.run(f"select * from {store.table}")) == 2


# MySQL has neither.
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_schemas_and_columns_of_one_name(spark, store):
    from pyspark.errors import AnalysisException

    store.run('create schema if not exists "other one"')
    store.run(f'create table "other one".{store.table} as select 5 as id')
    for url, more in (
        (store.url, {"currentSchema": '"other one",public'}),
        (f"{store.url}?currentSchema=%22other%20one%22", {}),
    ):
        reader = spark.read.format("jdbc").options(user=store.user, dbtable=store.table, url=url, **more)
        assert [row.id for row in reader.load().collect()] == [5]
    twice = spark.read.format("jdbc").option("user", store.user).option("url", store.url)
    with pytest.raises(AnalysisException, match="column `id` already exists"):
        twice.option("query", "select a.id, b.id from (select 1 id) a, (select 2 id) b").load()
