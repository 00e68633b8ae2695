"""A light funnel with known truth: deals move between stages at hazards that are constant within a quarter."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forecast.funnel.visits import ENDINGS, SEGMENTS, Visits

STAGES = ("first call", "offer", "negotiation")
#: Daily hazards of advance, win, loss and falling back, by stage.
HAZARDS = np.array([[0.020, 0.001, 0.022, 0.0], [0.018, 0.004, 0.012, 0.003], [0.0, 0.022, 0.012, 0.004]])
START = pd.Timestamp("2023-01-01")
QUARTER_DAYS = 91.3125
_ADVANCE, _WON, _LOST, _BACK = range(4)


@dataclass(frozen=True)
class Truth:
    """What the simulated stays follow."""

    hazards: np.ndarray = field(default_factory=lambda: HAZARDS)  # (n_stages, 4), per day
    factors: np.ndarray | None = None  # (n_quarters, n_stages, 2): on advance and win, on loss and back

    @property
    def n_stages(self) -> int:
        return len(self.hazards)

    def by_quarter(self, n_quarters: int) -> np.ndarray:
        """Hazards by quarter, stage and ending; the last factors hold on."""
        base = np.broadcast_to(self.hazards, (n_quarters, *self.hazards.shape)).copy()
        if self.factors is not None:
            held = self.factors[np.minimum(np.arange(n_quarters), len(self.factors) - 1)]
            base[..., [_ADVANCE, _WON]] *= held[..., :1]
            base[..., [_LOST, _BACK]] *= held[..., 1:]
        return base

    def shares(self, stage: int, days: float, hazards: np.ndarray | None = None) -> np.ndarray:
        """P(ended within ``days`` by each ending) of a stay under constant hazards."""
        rates = (self.hazards if hazards is None else hazards)[stage]
        return rates / rates.sum() * -np.expm1(-rates.sum() * days)

    def win_chance(self, hazards: np.ndarray | None = None) -> np.ndarray:
        """P(won in the end) from each stage."""
        rates = self.hazards if hazards is None else hazards
        rows = rates / rates.sum(axis=1, keepdims=True)
        n = self.n_stages
        moves = np.zeros((n, n))
        moves[np.arange(n - 1), np.arange(1, n)] = rows[:-1, _ADVANCE]
        moves[np.arange(1, n), np.arange(n - 1)] = rows[1:, _BACK]
        return np.linalg.solve(np.eye(n) - moves, rows[:, _WON])

    def won_within(self, days: float) -> float:
        """P(won within ``days`` of the entry), by small steps."""
        n = self.n_stages
        rates = np.zeros((n + 2, n + 2))
        rates[np.arange(n - 1), np.arange(1, n)] = self.hazards[:-1, _ADVANCE]
        rates[np.arange(1, n), np.arange(n - 1)] = self.hazards[1:, _BACK]
        rates[:n, n], rates[:n, n + 1] = self.hazards[:, _WON], self.hazards[:, _LOST]
        rates -= np.diag(rates.sum(axis=1))
        return float(np.linalg.matrix_power(np.eye(n + 2) + rates * days / 2**16, 2**16)[0, n])


def simulate(
    truth: Truth,
    n_deals: int,
    n_days: float,
    rng: np.random.Generator,
    *,
    owner_of: np.ndarray | None = None,
    amount: float = 1000.0,
    entries: np.ndarray | None = None,
) -> Visits:
    """Deals that enter the first stage evenly over ``n_days`` and are followed until then."""
    n_quarters = int(np.ceil(n_days / QUARTER_DAYS))
    hazards = truth.by_quarter(n_quarters)
    knots = QUARTER_DAYS * np.arange(n_quarters + 1)
    total = hazards.sum(axis=2)
    born = np.sort(rng.uniform(0, n_days, n_deals)) if entries is None else entries
    deal, stage, now = np.arange(n_deals), np.zeros(n_deals, np.int64), born.copy()
    parts, step = [], 0
    while len(deal):
        step += 1
        left, ending = np.full(len(deal), np.inf), np.full(len(deal), -1)
        for place in range(truth.n_stages):
            here = stage == place
            passed = np.concatenate([[0.0], np.cumsum(total[:, place] * QUARTER_DAYS)])
            due = np.interp(now[here], knots, passed) + rng.exponential(size=int(here.sum()))
            left[here] = np.where(due < passed[-1], np.interp(due, passed, knots), np.inf)
            quarter = np.minimum((left[here] / QUARTER_DAYS).clip(0, n_quarters - 1), n_quarters - 1).astype(int)
            chances = np.cumsum(hazards[quarter, place] / total[quarter, place][:, None], axis=1)
            ending[here] = (rng.random((int(here.sum()), 1)) > chances).sum(axis=1)
        ended = left < n_days
        following = np.where(
            ended & (ending == _ADVANCE), stage + 1, np.where(ended & (ending == _BACK), stage - 1, -1)
        )
        names = np.where(ended, np.array(ENDINGS, object)[np.clip(ending, 0, 3)], "")
        parts.append(
            pd.DataFrame({"deal": deal, "visit": step, "position": stage, "entered": now,
                          "days": np.minimum(left, n_days) - now, "ending": names, "next_position": following})
        )  # fmt: skip
        deal, stage, now = (values[following >= 0] for values in (deal, following, left))
    frame = pd.concat(parts).sort_values(["deal", "visit"], ignore_index=True)
    number = frame["deal"].to_numpy()
    moments = {name: START + pd.to_timedelta(values, unit="D") for name, values in
               (("entered", frame["entered"]), ("born", pd.Series(born[number])))}  # fmt: skip
    width = len(str(n_deals))
    frame = frame.assign(
        case_id=frame["deal"].astype(str).str.zfill(width), entity="opportunity",
        stage=np.array(STAGES, object)[frame["position"]], entered=moments["entered"].astype("datetime64[us]"),
        born=moments["born"].astype("datetime64[us]"),
        **dict.fromkeys(SEGMENTS, "unknown"),
    ).drop(columns="deal")  # fmt: skip
    if owner_of is not None:
        frame["owner"] = owner_of[number]
    closed = frame["entered"] + pd.to_timedelta(frame["days"], unit="D")
    wins = frame["ending"] == "won"
    won = pd.DataFrame({"case_id": frame["case_id"], "closed_at": closed, "amount": amount})[wins].reset_index(
        drop=True
    )
    end = (START + pd.Timedelta(days=n_days)).to_pydatetime().replace(tzinfo=UTC)
    return Visits(frame, STAGES[: truth.n_stages], won, datetime.fromtimestamp(end.timestamp(), UTC), 0)
