"""The transforms of Glue Studio's canvas, which scripts import as modules of their own: `import gs_derived`.

Such a module gives DynamicFrame and DataFrame a method of its name.
"""

from __future__ import annotations

from typing import Any


def enrich(name: str) -> None:
    """Give both kinds of frames the method of this name."""
    from importlib.util import find_spec

    from awsglue._visual.steps import STEPS
    from awsglue.dynamicframe import DynamicFrame

    step = STEPS[name]

    def on_records(self: DynamicFrame, *args: Any, **kwargs: Any) -> DynamicFrame:
        return DynamicFrame.fromDF(step(self.toDF(), *args, **kwargs), self.glue_ctx, self.name)

    def on_rows(self: Any, *args: Any, **kwargs: Any) -> Any:
        return step(self, *args, **kwargs)

    for method in (on_records, on_rows):
        method.__name__, method.__doc__ = name, step.__doc__
    setattr(DynamicFrame, name, on_records)
    # Without an engine (an editor, a check of types) there are no rows.
    if find_spec("pyspark") is not None:
        from pyspark.sql import DataFrame

        setattr(DataFrame, name, on_rows)
