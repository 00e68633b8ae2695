"""Real data that come with the package, each with its licence beside it, and mappings for these and other sets."""

from pathlib import Path

import pandas as pd

from forecast.errors import InvalidInput

_HERE = Path(__file__).parent


def mapping_names() -> list[str]:
    """Names of the data sets that have a mapping, sorted."""
    return sorted(path.stem for path in (_HERE / "mappings").glob("*.yaml"))


def bundled_names() -> list[str]:
    """Names of the data sets whose files come with the package, sorted."""
    return sorted(path.name for path in (_HERE / "bundled").iterdir() if path.is_dir())


def mapping_path(name: str) -> Path:
    """Mapping file of a data set; its inputs are relative to the folder that holds the files.

    Raises
    ------
    InvalidInput
        If there is no mapping of that name.
    """
    if name not in mapping_names():
        raise InvalidInput(f"There is no mapping {name!r}; there are {', '.join(mapping_names())}.")
    return _HERE / "mappings" / f"{name}.yaml"


def bundled_folder(name: str) -> Path:
    """Folder with the files of a bundled data set and their ``ATTRIBUTION.md``.

    Raises
    ------
    InvalidInput
        If the set is not bundled.
    """
    if name not in bundled_names():
        raise InvalidInput(f"Data set {name!r} does not come with the package; there are {', '.join(bundled_names())}.")
    return _HERE / "bundled" / name


def load_bank_marketing() -> dict[str, pd.DataFrame]:
    """Calls of a bank's telephone campaign, as published (UCI, CC BY 4.0).

    Returns
    -------
    dict
        ``calls``: DataFrame of shape (41188, 21), in the order of time.
    """
    return {"calls": pd.read_parquet(bundled_folder("bank-marketing") / "bank-additional-full.parquet")}


def load_crm_sales_opportunities() -> dict[str, pd.DataFrame]:
    """A fictitious company's CRM, as published (Maven Analytics, public domain).

    Returns
    -------
    dict
        ``sales_pipeline`` (8800, 8), ``accounts`` (85, 7), ``products`` (7, 3), ``sales_teams`` (35, 3).
    """
    folder = bundled_folder("crm-sales-opportunities")
    return {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}


def load_online_retail() -> dict[str, pd.DataFrame]:
    """Invoice lines of a British online shop for its 250 best-known products (UCI, CC BY 4.0).

    Returns
    -------
    dict
        ``transactions``: InvoiceNo, StockCode, Description, Quantity, InvoiceDate (London time), UnitPrice (GBP),
        CustomerID (missing for a fifth of the lines), Country; in the order of the published file.
    """
    lines = pd.read_parquet(bundled_folder("online-retail") / "transactions.parquet")
    return {"transactions": lines.astype({"CustomerID": "Int64"})}
