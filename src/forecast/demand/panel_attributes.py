"""What is known about the series of a panel: keys, categories and other attributes that many share."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force

#: A part of ``unique_id`` or an attribute describes series only if enough of them share each of its values.
SERIES_PER_VALUE = 10
#: A category or country is how the company itself groups what it sells: two series are enough.
SERIES_PER_GROUP = 2
_GROUPS = ("category", "country")
_MAX_ATTRIBUTES = 20


def describe_orders(con: DuckDBPyConnection, as_of: datetime, ids: pd.Series, by: Sequence[str]) -> pd.DataFrame | None:
    """Attributes of series of orders.

    Parameters
    ----------
    con : DuckDB connection
        With ``_sold`` of `build_panel`.
    as_of : datetime
        Attributes as they were known then.
    ids : Series
        ``unique_id`` of every series, once.
    by : sequence of str
        What a series is.

    Returns
    -------
    DataFrame or None
        ``unique_id``, ``category`` and ``country`` where the series tell them, and texts of the products; None when no
        column is shared by enough series.
    """
    names = [name for name in _GROUPS if name in by or (name == "category" and "product" in by)]
    columns = "".join(f", max(nullif(of_{name}, '(none)')) AS {name}" for name in names)
    keys = con.execute(
        f"SELECT unique_id{columns}, max(of_product) AS product_id FROM _sold WHERE unique_id <> '(other)' GROUP BY ALL"
    ).df()
    table = ids.to_frame().merge(keys, on="unique_id", how="left")
    if "product" in by:
        products = _products(con, as_of).drop(columns="category")
        table = table.merge(products, on="product_id", how="left", suffixes=("", "_of_product"))
    return _shared(table.drop(columns="product_id"))


def describe_keys(con: DuckDBPyConnection, as_of: datetime, ids: pd.Series) -> pd.DataFrame | None:
    """Attributes of series that come with their own keys: parts of the id, and of the products that a part names.

    Parts are ``key_1``, ``key_2``, … if at least ten series share each of their values on average: a store or
    department, never the item.
    """
    parts = ids.str.split("/", expand=True)
    parts.columns = pd.Index([f"key_{index + 1}" for index in range(parts.shape[1])])
    products = _products(con, as_of)
    table = pd.concat([ids, parts], axis=1)
    named = pd.concat([ids, parts], axis=1).isin(set(products["product_id"])).mean()
    if len(products) and named.max() >= 0.5:
        told = products.rename(columns={"product_id": "_product"})
        table = table.assign(_product=table[named.idxmax()]).merge(told, on="_product", how="left")
        table = table.drop(columns="_product")
    return _shared(table)


def _products(con: DuckDBPyConnection, as_of: datetime) -> pd.DataFrame:
    """``product_id``, ``category`` and the texts of products as known at ``as_of``."""
    catalogue = con.execute(
        "SELECT DISTINCT name FROM attribute_catalogue WHERE table_name = 'products' AND type IN ('text', 'boolean') "
        "ORDER BY name"
    ).fetchall()
    names = [name for (name,) in catalogue if name not in ("unique_id", "product_id", *_GROUPS)]
    pointers = ["/" + name.replace("~", "~0").replace("/", "~1") for name in names]
    texts = "".join(f", nullif(json_extract_string(attributes, ?), '') AS a{index}" for index in range(len(names)))
    found: pd.DataFrame = con.execute(
        f"SELECT product_id, nullif(category, '') AS category{texts} FROM {in_force('products', as_of)}", pointers
    ).df()
    found.columns = pd.Index(["product_id", "category", *names])
    return found


def _shared(table: pd.DataFrame) -> pd.DataFrame | None:
    """Columns whose values are shared by enough series; of many the first, by what was known alone."""
    least = {name: SERIES_PER_GROUP if name in _GROUPS else SERIES_PER_VALUE for name in table if name != "unique_id"}
    shared = [name for name in least if 1 < table[name].nunique() <= len(table) / least[name]][:_MAX_ATTRIBUTES]
    return table[["unique_id", *shared]] if shared else None
