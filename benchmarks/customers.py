"""What customers do next: ours beside own past rate, BG/NBD, LightGBM on RFM and the mean of both, on the same rows.

    python benchmarks/customers.py --data ../shared/data [--readme benchmarks/README.md]
    python benchmarks/customers.py --data ../shared/data --valid-only       # while developing: reads no test part

Choices of ours were made on the earlier validation windows alone. Every run that reads a test window appends what it
saw to `test_reads.csv`; ``--valid-only`` reads none. Lines without a customer are left out, cancellations are returns.
"""

import argparse
import csv
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from readme_section import replace_section
from scipy.stats import spearmanr

from forecast.customers import CustomerModel
from forecast.customers.book import OrderBook, day_number
from forecast.customers.mining import Population, mine
from forecast.customers.own_rate import OwnPastRate
from forecast.evaluation.bootstrap import bootstrap_means
from forecast.evaluation.metrics import interval_coverage_score, log_losses, roc_auc_score

HERE = Path(__file__).parent
MARK = "customers"
OURS, OWN, BGNBD, RFM, MEAN = "forecast", "own past rate", "BG/NBD", "LightGBM on RFM", "mean of both"
MODELS = (OURS, OWN, BGNBD, RFM, MEAN)
#: What the issue compares ours with.
PEERS = (BGNBD, RFM, MEAN)
RFM_COLUMNS = ["orders", "recency_days", "age_days", "mean_amount"]
RFM_PARAMETERS = {
    "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 50, "verbosity": -1, "num_threads": 1, "seed": 0,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
#: name, part, set, first day foretold, horizon in days.
WINDOWS = (
    ("cdnow 26 → 13 weeks", "valid", "cdnow", "1997-07-02", 91),
    ("cdnow 19.5 → 19.5 weeks", "valid", "cdnow", "1997-05-18", 136),
    ("online-retail from 2011-03-12", "valid", "online-retail", "2011-03-12", 90),
    ("cdnow 39 → 39 weeks", "test", "cdnow", "1997-10-01", 273),
    ("online-retail from 2011-06-10", "test", "online-retail", "2011-06-10", 90),
    ("online-retail from 2011-09-10", "test", "online-retail", "2011-09-10", 90),
)
METRICS = ("auc", "log_loss", "rmse", "spearman", "top_tenth_spend", "bias")


@dataclass(frozen=True)
class Judged:
    """Every model on one window; predictions have ``p_buys``, ``orders``, ``spend``, rows as ``orders``."""

    name: str
    part: str
    orders: np.ndarray
    spend: np.ndarray
    predictions: dict[str, pd.DataFrame]
    seconds: float

    def metrics(self, model: str) -> dict[str, float]:
        """AUC and log loss of "buys again", RMSE, Spearman and bias of orders, spend caught by the top tenth."""
        said = self.predictions[model]
        buys = (self.orders > 0).astype(float)
        return {
            "auc": roc_auc_score(buys, said["p_buys"]),
            "log_loss": float(log_losses(buys, np.clip(said["p_buys"], 1e-6, 1 - 1e-6)).mean()),
            "rmse": float(np.sqrt(((said["orders"] - self.orders) ** 2).mean())),
            "spearman": float(spearmanr(said["orders"], self.orders)[0]),
            "top_tenth_spend": caught_share(self.spend, said["spend"].to_numpy()),
            "bias": float(said["orders"].sum() / self.orders.sum() - 1),
        }


def read_orders(data: Path, name: str) -> pd.DataFrame:
    """Orders of a set as `CustomerModel` takes them."""
    if name == "cdnow":
        orders = pd.read_parquet(data / "cdnow" / "cdnow_master.parquet")
        return orders.rename(columns={"customer_id": "account_id", "date": "ordered_at"})
    lines = pd.read_parquet(data / "online-retail" / "transactions.parquet")
    lines = lines[lines["CustomerID"].notna() & ~lines["InvoiceNo"].astype(str).str.startswith("A")]
    return pd.DataFrame(
        {
            "account_id": lines["CustomerID"].astype(int),
            "ordered_at": lines["InvoiceDate"],
            "amount": lines["Quantity"] * lines["UnitPrice"],
            "quantity": lines["Quantity"],
        }
    )


def judge(orders: pd.DataFrame, name: str, part: str, day: str, horizon: int) -> Judged:
    """Fit every model on what was ordered before the day, and look at what came."""
    past = orders[orders["ordered_at"] < day]
    start = time.perf_counter()
    ours = CustomerModel(horizon).fit(past, as_of=day).predict(past)
    seconds = time.perf_counter() - start
    own = OwnPastRate(horizon).predict(past, day)
    process, trees = bgnbd_and_rfm(past, day, horizon)
    said = {OURS: ours, OWN: own, BGNBD: process, RFM: trees, MEAN: (process + trees) / 2}
    whole = OrderBook.read(orders)
    came = whole.labels(day_number(day), horizon)
    rows = np.searchsorted(whole.accounts, ours["account_id"])
    return Judged(name, part, came[0][rows].astype(float), came[1][rows], said, seconds)


def bgnbd_and_rfm(past: pd.DataFrame, day: str, horizon: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """BG/NBD with Gamma-Gamma, and LightGBM on recency, frequency, money and age.

    LightGBM learns from the latest cutoff whose outcome is known: at half of the history where it is shorter than two
    horizons; then a means is stretched by the horizon, and nobody buys in any part of it or in the whole.
    """
    book, end = OrderBook.read(past), day_number(day)
    seen = mine(book, end, horizon, Population.fit(book, end))
    process = pd.DataFrame(seen.expected() | {"p_buys": seen.population.process.p_buys(seen.history, horizon / 7)})
    inner = min(horizon, (end - int(book.day.min())) // 2)
    then = mine(book, end - inner, inner, Population.fit(book, end))
    orders, spend = (values[then.active] for values in book.labels(end - inner, inner))
    targets = {
        "p_buys": ("binary", orders > 0),
        "orders": ("poisson", orders),
        "spend": ("tweedie", np.maximum(spend, 0)),
    }
    found = {}
    for name, (objective, y) in targets.items():
        table = lgb.Dataset(then.features[RFM_COLUMNS], np.asarray(y, dtype=float))
        found[name] = lgb.train(RFM_PARAMETERS | {"objective": objective}, table, 100).predict(
            seen.features[RFM_COLUMNS]
        )
    times = horizon / inner
    return process, pd.DataFrame(
        {
            "p_buys": 1 - (1 - found["p_buys"]) ** times,
            "orders": found["orders"] * times,
            "spend": found["spend"] * times,
        }
    )


def table(judged: Judged) -> str:
    """One window as Markdown; the best peer of each metric in bold, and whether ours is at least as good."""
    metrics = {model: judged.metrics(model) for model in MODELS}
    lines = [
        f"### {judged.name} ({judged.part})",
        "",
        f"{len(judged.orders):,} customers, {np.mean(judged.orders > 0):.1%} of them bought again; ours took"
        f" {judged.seconds:.0f} s. {range_text(judged)}",
        "",
        "| model | AUC | log loss | RMSE of orders | Spearman | spend in the top tenth | bias of orders |",
        "|---" * 7 + "|",
    ]
    for model, row in metrics.items():
        lines.append(
            f"| {model} | {row['auc']:.4f} | {row['log_loss']:.4f} | {row['rmse']:.4f} | {row['spearman']:.4f} |"
            f" {row['top_tenth_spend']:.1%} | {row['bias']:+.1%} |"
        )
    verdicts = []
    for name in METRICS[:-1]:
        higher = name in ("auc", "spearman", "top_tenth_spend")
        values = {model: metrics[model][name] for model in PEERS}
        best = (max if higher else min)(values, key=values.__getitem__)
        difference = metrics[OURS][name] - values[best]
        good = difference >= 0 if higher else difference <= 0
        verdicts.append(f"{name} {'holds' if good else 'does not hold'} ({difference:+.4f} from {best})")
    lines += [
        "",
        f"At least as good as BG/NBD, LightGBM on RFM and their mean: {'; '.join(verdicts)}. {interval(judged)}",
    ]
    return "\n".join(lines)


def range_text(judged: Judged) -> str:
    """How often the ranges held, and what became of those flagged as gone."""
    ours, shares = judged.predictions[OURS], []
    for name, y in (("orders", judged.orders), ("spend", np.maximum(judged.spend, 0))):
        shares.append(f"{name} {interval_coverage_score(y, ours[f'{name}_low'], ours[f'{name}_high']):.1%}")
    text = f"The 80 % ranges, which begin at 0 where that is likely, held {' and '.join(shares)}"
    gone = ours["churned"].to_numpy()
    if not gone.any():
        return f"{text}; nobody was flagged as gone."
    return f"{text}; {gone.mean():.1%} were flagged as gone, {np.mean(judged.orders[gone] > 0):.1%} of them bought."


def interval(judged: Judged) -> str:
    """How sure the differences to the mean of both are, over customers."""
    buys = (judged.orders > 0).astype(float)
    losses = {m: log_losses(buys, np.clip(judged.predictions[m]["p_buys"], 1e-6, 1 - 1e-6)) for m in (OURS, MEAN)}
    squares = {m: (judged.predictions[m]["orders"].to_numpy() - judged.orders) ** 2 for m in (OURS, MEAN)}
    texts = []
    for name, values in (("log loss", losses), ("squared error", squares)):
        difference = np.asarray(values[OURS] - values[MEAN])
        low, high = np.percentile(bootstrap_means(difference, np.arange(len(difference))), [2.5, 97.5])
        texts.append(f"{name} {difference.mean():+.4f} ({low:+.4f} to {high:+.4f})")
    return f"Ours less the mean of both, 95 % over customers: {', '.join(texts)}."


def caught_share(y: np.ndarray, score: np.ndarray, share: float = 0.1) -> float:
    """Share of the sum of ``y`` that lies with the given share of customers of highest score."""
    top = np.argsort(-score, kind="stable")[: int(np.ceil(share * len(score)))]
    return float(y[top].sum() / y.sum())


def log_reads(parts: list[Judged]) -> None:
    """Append what was seen of the test windows."""
    path = HERE / "test_reads.csv"
    columns = path.open(encoding="utf-8").readline().strip().split(",")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "commit": commit or "unknown"}
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        for part in parts:
            for model in MODELS:
                seen = {name: f"{value:.5f}" for name, value in part.metrics(model).items()}
                writer.writerow(stamp | {"set": part.name, "part": "test", "model": model} | seen)


HOW = """## Customers: who buys again, how often, for how much

`python benchmarks/customers.py --data ../shared/data --readme benchmarks/README.md`, while developing with
`--valid-only`: no test window is read.

Everything a customer buys on a day is one order. Each model knows what was ordered before the first day foretold.
Own past rate: repeat orders ÷ age × horizon. BG/NBD with Gamma-Gamma is our own maximum likelihood fit; LightGBM on
recency, frequency, mean amount and age (100 trees of 8 leaves) learns from the latest cutoff whose outcome is known, at
half of the history where two horizons do not fit in, and is stretched to the horizon. Neither has anything chosen on
later time. Each read of a test window is in `test_reads.csv`."""


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder per set")
    parser.add_argument("--valid-only", action="store_true", help="judge on the earlier windows; read no test window")
    parser.add_argument("--readme", type=Path, help="write the tables into this file's section")
    given = parser.parse_args()
    wanted = [window for window in WINDOWS if window[1] == "valid" or not given.valid_only]
    sets = {name: read_orders(given.data, name) for name in {window[2] for window in wanted}}
    parts = []
    for name, part, source, day, horizon in wanted:
        parts.append(judge(sets[source], name, part, day, horizon))
        print(table(parts[-1]), flush=True)
    log_reads([part for part in parts if part.part == "test"])
    if given.readme:
        replace_section(given.readme, MARK, HOW, "\n\n".join(table(part) for part in parts))


if __name__ == "__main__":
    main()
