"""Train the customer model: orders as known, judged beside the own past rate on later time, registry, gate."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from forecast.adapters.model_specs import ModelSpec, load_model_spec
from forecast.customers import CustomerModel, OwnPastRate
from forecast.customers.book import OrderBook, day_number
from forecast.customers.windows import LEAST_DAYS, judging_windows
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.metrics import log_losses, miscalibration_loss, roc_auc_score
from forecast.evaluation.promotion import Decision, decide
from forecast.ports import Clock, Lake, ModelRegistry, ModelVersion, Store
from forecast.settings import Settings
from forecast.usecases.champion import GATE
from forecast.usecases.customers import CUSTOMERS, OWN_RATE, customers_champion, first_day, read_orders
from forecast.usecases.evidence import EVALUATION, RELIABILITY, kept_predictions
from forecast.usecases.models import CARD, enthrone, gate_tags
from training.customers_card import customers_card
from training.result import TrainingResult

Progress = Callable[[str], None]

CHALLENGER = "blend"
_SMOOTHING = 0.5


def train_customers(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    as_of: datetime | None = None,
    params: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[TrainingResult]:
    """Fit a challenger, judge it on later time than it had seen, register it, and promote it if the gate agrees.

    Where there is no champion yet, the own past rate is registered and promoted first.

    Parameters
    ----------
    as_of : datetime, optional
        Training cutoff: nothing recorded at or after it is seen. Default now.
    params : mapping, optional
        Must be empty: the model has nothing to set.
    progress : callable, optional
        Gets a line of text at each step.

    Returns
    -------
    list of TrainingResult
        Of length one.

    Raises
    ------
    NotEnoughHistory
        If orders of accounts span less than twice four weeks, or no account ordered twice.
    DataUnavailable
        If the run could not be logged; before any work is done.
    """
    if params:
        raise InvalidInput(f"Parameters {sorted(params)} are unknown; a customer model has none.")
    registry.check()
    cutoff, batch = clock.now() if as_of is None else as_of, lake.head()
    say = progress or (lambda line: None)
    champion = customers_champion(registry, store, cutoff)
    with lake.connect(batch) as con:
        orders = read_orders(con, settings, cutoff)
    run = _Run(orders, load_model_spec(CUSTOMERS), settings, cutoff, batch)
    say(f"customers: judging from {run.judged_day:%Y-%m-%d} on, {run.judged_days} days")
    judged = run.judge()
    if champion is None:
        decision = Decision(True, "First champion: the own past rate.", {})
        naive = OwnPastRate(settings.customers_horizon_days, smoothing=_SMOOTHING)
        champion = run.register(naive.to_files(), OWN_RATE, judged, decision, registry)
        enthrone(registry, store, clock, champion, reason=decision.reason, author=GATE)
    decision = run.decide(judged, champion)
    say(f"customers: refit on all {len(orders):,} order lines")
    model = CustomerModel(settings.customers_horizon_days, random_state=settings.random_state)
    model.fit(orders, as_of=run.end_day)
    version = run.register(model.to_files(), CHALLENGER, judged, decision, registry, model)
    if decision.promote:
        enthrone(registry, store, clock, version, reason=decision.reason, author=GATE)
    return [TrainingResult(version, decision, compare(judged), model.fitted_.n_rows, settings.customers_horizon_days)]


class _Run:
    """One training."""

    def __init__(self, orders: pd.DataFrame, spec: ModelSpec, settings: Settings, cutoff: datetime, batch: int) -> None:
        self.orders = orders
        self.spec = spec
        self.settings = settings
        self.cutoff = cutoff
        self.batch = batch
        self.end_day = first_day(settings, cutoff)
        known = orders[orders["ordered_at"] < self.end_day]
        first = None if known.empty else known["ordered_at"].min()
        length = 0 if first is None else (self.end_day - first).days
        windows = (
            []
            if first is None
            else judging_windows(day_number(first), day_number(self.end_day), settings.customers_horizon_days)
        )
        if not windows:
            raise NotEnoughHistory(
                f"Training customers needs orders of accounts over at least {2 * LEAST_DAYS} days, got {length}; "
                "the own past rate goes on."
            )
        self.judged_days = windows[-1].horizon_days
        self.judged_day = self.end_day - pd.Timedelta(days=self.judged_days)

    def judge(self) -> pd.DataFrame:
        """What challenger and own past rate said of the last window, which neither had seen, and what came."""
        model = CustomerModel(self.judged_days, random_state=self.settings.random_state)
        ours = model.fit(self.orders, as_of=self.judged_day).predict(self.orders)
        own = OwnPastRate(self.judged_days, smoothing=_SMOOTHING).predict(self.orders, self.judged_day)
        book = OrderBook.read(self.orders)
        orders, spend = book.labels(day_number(self.judged_day), self.judged_days)
        place = pd.Index(book.accounts).get_indexer(pd.Index(ours["account_id"]))
        said = {
            f"{name}.{column}": frame[column].to_numpy()
            for name, frame in ((CHALLENGER, ours), (OWN_RATE, own))
            for column in ("p_buys", "orders", "spend")
        }
        ranges = ours[["orders_low", "orders_high", "spend_low", "spend_high"]]
        came = {"account_id": ours["account_id"], "y_orders": orders[place], "y_spend": spend[place]}
        return pd.DataFrame(came | said).join(ranges)

    def decide(self, judged: pd.DataFrame, champion: ModelVersion) -> Decision:
        """The gate: log loss and calibration of "buys", and RMSE of orders, on the judged window.

        A champion of the challenger's own kind is judged by its recipe, which is the same: newer data take its place.
        """
        floor = champion.tags.get("kind") == OWN_RATE
        if not floor and (champion.cutoff, champion.batch) == (self.cutoff, self.batch):
            return Decision(False, f"Nothing is new since {champion.label}: same data, same recipe.", {})
        rival = OWN_RATE if floor else CHALLENGER
        buys = (judged["y_orders"] > 0).to_numpy(dtype=float)
        said = {name: np.clip(judged[f"{name}.p_buys"].to_numpy(), 1e-6, 1 - 1e-6) for name in (rival, CHALLENGER)}
        decision = decide(
            log_losses(buys, said[rival]),
            log_losses(buys, said[CHALLENGER]),
            judged["account_id"].astype(str).to_numpy(),
            floor=floor,
            miscalibration=(miscalibration_loss(buys, said[rival]), miscalibration_loss(buys, said[CHALLENGER])),
            margin=self.spec.gate.get("margin", 0.001),
            random_state=self.settings.random_state,
        )
        decision = replace(decision, reason=decision.reason.replace("the group rate", "the own past rate"))
        errors = {name: _rmse(judged, name) for name in (rival, CHALLENGER)}
        allowed = (1 + self.spec.gate.get("margin_rmse", 0.01)) * errors[rival]
        if decision.promote and errors[CHALLENGER] > allowed:
            text = f"Orders are foretold worse: RMSE {errors[CHALLENGER]:.4g} against {errors[rival]:.4g}."
            return replace(decision, promote=False, reason=text)
        return decision

    def register(
        self,
        files: Mapping[str, bytes],
        kind: str,
        judged: pd.DataFrame,
        decision: Decision,
        registry: ModelRegistry,
        model: CustomerModel | None = None,
    ) -> ModelVersion:
        """Log one run with all that is needed to judge and to use the model."""
        table = compare(judged)
        metrics = {
            f"{row['model']}.{name}": float(value)
            for row in table.to_dict("records")
            for name, value in row.items()
            if name != "model" and value == value
        }
        own = table.set_index("model").loc[kind].dropna()
        card = customers_card(self, kind, table, decision, model).encode()
        kept = {
            CARD: card,
            EVALUATION: table.to_csv(index=False).encode(),
            RELIABILITY: kept_predictions(
                judged["account_id"],
                np.full(len(judged), self.judged_day),
                (judged["y_orders"] > 0).to_numpy(dtype=float),
                judged[f"{kind}.p_buys"],
                judged[f"{OWN_RATE}.p_buys"],
                {},
            ),
        }
        example = self.orders.head(5)
        horizon = self.settings.customers_horizon_days
        return registry.register(
            CUSTOMERS,
            dict(files) | kept,
            {
                "cutoff": self.cutoff,
                "batch": self.batch,
                "params": {
                    "kind": kind,
                    "horizon": horizon,
                    "n_lines": len(self.orders),
                    "n_accounts": int(self.orders["account_id"].nunique()),
                    "judged_from": f"{self.judged_day:%Y-%m-%d}",
                    "judged_days": self.judged_days,
                    "random_state": self.settings.random_state,
                },
                "metrics": metrics
                | {str(name): float(value) for name, value in own.items()}
                | {f"gate.{name}": value for name, value in decision.numbers.items()},
                "tags": {"task": CUSTOMERS, "kind": kind, "horizon_days": horizon} | gate_tags(decision),
                "artifacts": kept | {"judged.csv": judged.to_csv(index=False).encode()},
                "example": example,
                "prediction": judged.head(5),
            },
        )


def compare(judged: pd.DataFrame) -> pd.DataFrame:
    """Metrics of each model on the judged window.

    Returns
    -------
    DataFrame
        ``model``, ``auc`` and ``log_loss`` of "buys", ``rmse`` and ``bias`` of orders (bias as share of what came),
        and for the challenger ``coverage_80`` of its ranges of orders.
    """
    buys = (judged["y_orders"] > 0).to_numpy(dtype=float)
    rows = []
    for name in (OWN_RATE, CHALLENGER):
        p, mean = np.clip(judged[f"{name}.p_buys"].to_numpy(), 1e-6, 1 - 1e-6), judged[f"{name}.orders"]
        row = {
            "model": name,
            "auc": roc_auc_score(buys, p) if 0 < buys.mean() < 1 else np.nan,
            "log_loss": float(log_losses(buys, p).mean()),
            "rmse": _rmse(judged, name),
            "bias": float(mean.sum() / judged["y_orders"].sum() - 1) if judged["y_orders"].any() else np.nan,
        }
        if name == CHALLENGER:
            inside = (judged["orders_low"] <= judged["y_orders"]) & (judged["y_orders"] <= judged["orders_high"])
            row["coverage_80"] = float(inside.mean())
        rows.append(row)
    return pd.DataFrame(rows)


def _rmse(judged: pd.DataFrame, name: str) -> float:
    return float(np.sqrt(((judged[f"{name}.orders"] - judged["y_orders"]) ** 2).mean()))
