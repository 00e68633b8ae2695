"""How the bundled data were made from the published files: ``python -m forecast.datasets.bundle SOURCE_FOLDER``.

All of bank-marketing and crm-sales-opportunities is bundled. Of online-retail every line of the 250 products that are
on most invoices is kept as it is, all years, customers and cancellations, in the order of the file; other lines are
left out so that the package stays small.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from forecast.datasets.bundled import bundled_folder

N_PRODUCTS = 250
_COPIED = {
    "bank-marketing": ["bank-additional-full.parquet"],
    "crm-sales-opportunities": ["sales_pipeline.csv", "accounts.csv", "products.csv", "sales_teams.csv"],
}


def bundle(source: Path) -> None:
    """Make the bundled files anew from a folder with one folder of published files per data set."""
    for name, files in _COPIED.items():
        for file in files:
            shutil.copyfile(source / name / file, bundled_folder(name) / file)
    original = source / "online-retail" / "transactions.parquet"
    subset = bundled_folder("online-retail") / "transactions.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"""
            COPY (
                WITH numbered AS (SELECT row_number() OVER () AS n, * FROM '{original}'),
                best AS (
                    SELECT upper(StockCode) AS code FROM numbered
                    WHERE regexp_matches(StockCode, '^[0-9]{{5}}')
                    GROUP BY code ORDER BY count(DISTINCT InvoiceNo) DESC, code LIMIT {N_PRODUCTS}
                )
                SELECT * EXCLUDE n FROM numbered WHERE upper(StockCode) IN (FROM best) ORDER BY n
            ) TO '{subset}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19)
            """
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and bundle."""
    parser = argparse.ArgumentParser(description="Make the bundled data anew from the published files.")
    parser.add_argument("source", type=Path, help="folder with one folder per data set")
    bundle(parser.parse_args(argv).source)


if __name__ == "__main__":
    main()
