"""What a user of dbt does: build and test, add to what was built, document it. Runs with dbt's own Python."""

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

project = Path(sys.argv[1])


def dbt(*arguments: str) -> dict[str, str]:
    """The status of every node."""
    ran = dbtRunner().invoke([*arguments, "--project-dir", str(project), "--profiles-dir", str(project)])
    assert ran.success, (arguments, ran.exception, ran.result)
    results = getattr(ran.result, "results", ())
    return {one.node.name: str(one.status) for one in results if getattr(one, "node", None)}


every = dbt("build")
assert len(every) == 10, every
assert set(every.values()) == {"success", "pass"}, every
# What is there already is added to: a partition is put in another's place, rows are merged, a table is made anew.
assert dbt("run", "--select", "by_day", "ledger") == {"by_day": "success", "ledger": "success"}
assert dbt("run", "--select", "ledger", "--full-refresh") == {"ledger": "success"}
dbt("docs", "generate")
catalog = json.loads((project / "target" / "catalog.json").read_text())
assert not catalog["errors"]
found = {key: (one["metadata"]["type"], list(one["columns"])) for key, one in catalog["nodes"].items()}
assert found == {
    "model.shop.by_customer": ("table", ["customer", "total", "orders"]),
    "model.shop.by_day": ("table", ["customer", "amount", "day"]),
    "model.shop.ledger": ("iceberg_table", ["id", "customer", "amount", "at"]),
    "model.shop.stg_orders": ("view", ["id", "customer", "amount", "day"]),
    "seed.shop.orders": ("table", ["id", "customer", "amount", "day"]),
}, found
