"""FillMissingValues: a model of the rows that have a value predicts it for those that have none.

For numbers the better of a linear regression and a random forest (by cross-validation), for texts a random forest. The
model is made in the driver, from a sample when there are many rows, and applied where the rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import columns, from_spark, quote, to_spark

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from awsglue.dynamicframe import DynamicFrame

NUMBERS = (g.ByteType, g.ShortType, g.IntegerType, g.LongType, g.FloatType, g.DoubleType, g.DecimalType)
TIMES = (g.DateType, g.TimestampType)
SAMPLE = 50_000
LEAST = 5
CATEGORIES = 40
TREES = 60


def fill(frame: DynamicFrame, missing: str, output: str) -> DynamicFrame:
    """The records with a column of the values, those that were missing predicted. Raises ValueError."""
    from awsglue.dynamicframe import DynamicFrame

    df = frame.toDF()
    schema = from_spark(df.schema)
    assert isinstance(schema, g.StructType)
    target = schema.field_map.get(missing)
    if target is None:
        raise ValueError(f"there is no column {missing}")
    if not isinstance(target.dataType, (*NUMBERS, g.StringType)):
        raise ValueError(f"column {missing} holds neither numbers nor texts: its values cannot be predicted")
    if output in schema.field_map:
        raise ValueError(f"there is a column {output} already")
    number = isinstance(target.dataType, NUMBERS)
    place = schema.fields.index(target)
    kinds = {i: _kind(field.dataType) for i, field in enumerate(schema.fields) if i != place}
    features = {f"c{i}": kind for i, kind in kinds.items() if kind}
    flat = df.selectExpr(*columns([(f"c{i}", quote(one.name)) for i, one in enumerate(schema.fields)]))
    model = _train(flat, f"c{place}", features, number=number)
    result = g.DoubleType() if number else g.StringType()
    names = [*(field.name for field in schema.fields), output]
    types = [*(field.dataType for field in schema.fields), result]
    filled = flat.mapInArrow(_filling(f"c{place}", features, model, number=number), _schema(types))
    named = filled.selectExpr(*columns([(name, f"c{i}") for i, name in enumerate(names)]))
    return DynamicFrame.fromDF(named, frame.glue_ctx, frame.name)


def _kind(kind: g.DataType) -> str:
    if isinstance(kind, (*NUMBERS, g.BooleanType)):
        return "number"
    if isinstance(kind, TIMES):
        return "time"
    return "text" if isinstance(kind, g.StringType) else ""


def _schema(kinds: list[g.DataType]) -> Any:
    from pyspark.sql import types as t

    return t.StructType([t.StructField(f"c{i}", to_spark(kind), True) for i, kind in enumerate(kinds)])


def _train(flat: Any, target: str, features: dict[str, str], *, number: bool) -> Any:
    import pandas as pd

    present = f"{target} is not null" + ("" if number else f" and trim({target}) != ''")
    rows = flat.where(present)
    count = rows.count()
    if count < LEAST:
        raise ValueError(f"{count} records have a value: at least {LEAST} are needed to predict the others")
    if not features:
        raise ValueError("there are no other columns of numbers, texts or times to predict from")
    if count > SAMPLE:
        rows = rows.sample(fraction=SAMPLE / count, seed=1)
    names = [target, *features]
    held = pd.DataFrame([tuple(row) for row in rows.selectExpr(*names).collect()], columns=names)
    known = prepared(held, features)
    if number:
        return _regression(known, features, held[target].astype("float64"))
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline

    forest = RandomForestClassifier(n_estimators=TREES, random_state=1, n_jobs=1)
    return make_pipeline(_encoder(features), forest).fit(known, held[target].astype(str))


def _regression(known: pd.DataFrame, features: dict[str, str], values: Any) -> Any:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    candidates = [
        make_pipeline(_encoder(features), LinearRegression()),
        make_pipeline(
            _encoder(features), RandomForestRegressor(n_estimators=TREES, random_state=1, n_jobs=1)
        ),
    ]
    folds = min(3, len(values) // 2)
    errors = [
        -cross_val_score(one, known, values, cv=folds, scoring="neg_mean_squared_error").mean()
        for one in candidates
    ]
    return candidates[errors.index(min(errors))].fit(known, values)


def _encoder(features: dict[str, str]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = [name for name, kind in features.items() if kind == "text"]
    others = [name for name in features if name not in texts]
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    words = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=CATEGORIES, sparse_output=False
    )
    return ColumnTransformer([("numbers", numbers, others), ("words", words, texts)])


def prepared(held: pd.DataFrame, features: dict[str, str]) -> pd.DataFrame:
    """The columns that a model looks at: times as days, texts with a word for those that are missing."""
    import pandas as pd

    made = {}
    for name, kind in features.items():
        column = held[name]
        if kind == "time":
            moments = pd.to_datetime(column, utc=True, errors="coerce")
            made[name] = (moments - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
        elif kind == "number":
            made[name] = pd.to_numeric(column, errors="coerce").astype("float64")
        else:
            made[name] = column.fillna("").astype(str)
    return pd.DataFrame(made, columns=list(features))


def _filling(
    target: str, features: dict[str, str], model: Any, *, number: bool
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pandas as pd
        import pyarrow as pa

        kind = pa.float64() if number else pa.string()
        for batch in batches:
            values = batch.column(batch.schema.names.index(target)).to_pylist()
            gaps = [
                i for i, value in enumerate(values) if value is None or (not number and not value.strip())
            ]
            made = [float(value) if number and value is not None else value for value in values]
            if gaps:
                chosen = batch.take(pa.array(gaps, type=pa.int64()))
                held = pd.DataFrame({name: chosen.column(name).to_pylist() for name in features})
                predicted = model.predict(prepared(held, features))
                for i, value in zip(gaps, predicted, strict=True):
                    made[i] = float(value) if number else str(value)
            names = [f"c{i}" for i in range(batch.num_columns + 1)]
            yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(made, type=kind)], names=names)

    return run
