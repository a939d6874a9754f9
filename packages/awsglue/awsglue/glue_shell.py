"""`python -m awsglue.glue_shell`: Python at a prompt, with the names that a Glue script begins with."""

from __future__ import annotations

import code
from typing import Any


def names() -> dict[str, Any]:
    """sc, glueContext and spark of this process's engine, and what scripts import."""
    import awsglue.transforms as transforms
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame
    from awsglue.job import Job

    context = GlueContext()
    given: dict[str, Any] = {name: getattr(transforms, name) for name in transforms.__all__}
    spark = context.spark_session
    given |= {"glueContext": context, "spark": spark, "sc": spark.sparkContext, "Job": Job}
    return {**given, "GlueContext": GlueContext, "DynamicFrame": DynamicFrame}


if __name__ == "__main__":
    code.interact(banner="sc, spark and glueContext are there; awsglue.transforms is imported", local=names())
