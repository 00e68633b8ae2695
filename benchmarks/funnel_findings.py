"""What a funnel tells beyond shares, where the truth is known: alarms of a change, worth of a better quarter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from funnel_markov import HAZARDS, QUARTER_DAYS, Truth, simulate
from scipy import stats

from forecast.funnel import Visits, bottlenecks, calendar_spans, stage_changes
from forecast.funnel.changes import ALPHA
from forecast.funnel.pace import CONVERTS, DROPS, Spans, ways_out

UTC = ZoneInfo("UTC")
#: Spread of the quarters' multiples when the pace of stages really varies.
SPREAD = 0.25
N_QUARTERS, N_DEALS, AMOUNT = 8, 2500, 1000.0


def alarms(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """How often something is called a change: where nothing changed, and where something did."""
    dropped = np.ones((8, 3, 2))
    dropped[6:, 1, 0] = 0.6
    lines = []
    blank = {"median factor told": "", "month within two of the true one": ""}
    cases: list[tuple[str, Callable[[int], Truth], bool]] = [
        ("nothing changes", lambda seed: Truth(), False),
        (
            f"paces jump from quarter to quarter (spread {SPREAD}): real changes",
            lambda seed: _wobbling(seed, SPREAD),
            False,
        ),
        ("`offer` converts at 0.6 of the pace in the last half year", lambda seed: Truth(factors=dropped), True),
    ]
    for name, truth_of, is_change in cases:
        found, at, ratio = 0, [], []
        for seed in range(n_seeds):
            made = simulate(truth_of(seed), 1500, 730.0, np.random.default_rng([seed, 1]))
            table = stage_changes(made, _spans(made, "month"))
            hits = table[table["is_alarm"]]
            if is_change:
                hits = hits[(hits["stage"] == "offer") & (hits["way"] == "converts")]
                at += list(hits["since"])
                ratio += list(hits["factor"])
            found += len(hits) > 0
        line = {"funnel": name, "with an alarm": _of(found, n_seeds)}
        said = f"{np.median(ratio):.2f}" if ratio else ""
        near = np.mean([abs(_months(since) - _months("2024-07")) <= 2 for since in at]) if at else np.nan
        lines.append(
            line | {"median factor told": said, "month within two of the true one": f"{near:.0%}" if at else ""}
        )
    n_years = max(n_seeds // 2, 3)
    yearly = _of(_monthly_looks(n_years), n_years)
    lines.append({"funnel": "nothing changes, any alarm in a year of monthly looks", "with an alarm": yearly} | blank)
    note = (
        "1,500 deals over two years, three stages, two ways out of each; stated chance of any false alarm at one look: "
        f"at most {ALPHA:.1%}. The scan looks for a change in the last twelve months."
    )
    return note, pd.DataFrame(lines)


def _of(found: int, n: int) -> str:
    """A count with the exact 95 % interval of its share."""
    interval = stats.binomtest(found, n).proportion_ci()
    return f"{found} of {n} ({interval.low:.1%} to {interval.high:.1%})"


def _monthly_looks(n_seeds: int) -> int:
    """How many unchanged funnels raise any alarm in a year of monthly looks."""
    any_alarm = 0
    for seed in range(n_seeds):
        made = simulate(Truth(), 1500, 730.0, np.random.default_rng([seed, 2]))
        looks = [730.0 - 30.4 * back for back in range(12)]
        any_alarm += any(
            stage_changes(cut := _as_known(made, day), _spans(cut, "month"))["is_alarm"].any() for day in looks
        )
    return any_alarm


def _as_known(made: Visits, day: float) -> Visits:
    """The stays as they were known on an earlier day."""
    start = made.frame["born"].min().normalize()
    limit = start + pd.Timedelta(days=day)
    frame = made.frame[made.frame["entered"] < limit]
    room = (limit - frame["entered"]).dt.total_seconds() / 86400
    cut = frame["days"] > room
    frame = frame.assign(days=frame["days"].mask(cut, room), ending=frame["ending"].mask(cut, ""),
                         next_position=frame["next_position"].mask(cut, -1))  # fmt: skip
    return replace(made, frame=frame.reset_index(drop=True), end=made.end - timedelta(days=730.0 - day))


def worth(n_seeds: int) -> tuple[str, pd.DataFrame]:
    """Value of the best quarter's pace against the true one, for the stages and quarters that were named."""
    lines = []
    for name, spread in (("paces do not change", 0.0), (f"paces vary (spread {SPREAD})", SPREAD)):
        rows = []
        for seed in range(n_seeds):
            truth = _wobbling(seed, spread)
            made = simulate(truth, N_DEALS, N_QUARTERS * QUARTER_DAYS, np.random.default_rng([seed, 3]))
            table = bottlenecks(made, _quarters(made), n_draws=300)
            for place, line in enumerate(table.to_dict("records")):
                rows.append(_value(line, truth, place) | {"naive": _luckiest(made, truth, place), "seed": seed})
        frame = pd.DataFrame(rows)
        judged = frame[frame["best"] != frame["now"]].dropna(subset=["value"])
        inside = ((judged["low"] <= judged["truth"]) & (judged["truth"] <= judged["high"])).mean()
        told = frame[frame["told"]]
        false = (told["truth"] <= 0).mean() if len(told) else np.nan
        lines.append(
            {
                "funnel": name,
                "true value": f"{judged['truth'].mean():,.0f}",
                "told": f"{judged['value'].mean():,.0f}",
                "luckiest quarter, unshrunk": f"{judged['naive'].mean():,.0f}",
                "80 % interval covers": f"{inside:.1%} ± {twice(inside, len(judged)):.1%}",
                "bottlenecks told": _of(int(told["seed"].nunique()), n_seeds),
                "of them without any true gain": "" if np.isnan(false) else f"{false:.1%}",
            }
        )
    note = (
        "2,500 deals over eight quarters, 1,000 a win. True value: the true hazards of the quarter that was named best "
        "in place of those of the present one, the other stages at their mean, times the arrivals of a quarter. "
        "Luckiest quarter: the highest share advanced or won of those that ended in a quarter, taken at its word."
    )
    return note, pd.DataFrame(lines)


def _value(line: dict[str, object], truth: Truth, place: int) -> dict[str, object]:
    """The true worth of the named quarter, and what the luckiest quarter would promise."""
    hazards = truth.by_quarter(8)
    quarter = {f"{2023 + k // 4}Q{k % 4 + 1}": k for k in range(8)}
    if line["best"] is None or line["best"] != line["best"]:
        return {"now": "", "best": "", "value": np.nan, "low": np.nan, "high": np.nan, "truth": 0.0,
                "told": False}  # fmt: skip
    usual = hazards.mean(axis=0)
    wins = []
    for label in (line["best"], line["now"]):
        changed = usual.copy()
        changed[place] = hazards[quarter[str(label)], place]
        wins.append(truth.win_chance(changed)[0])
    arrivals = N_DEALS / N_QUARTERS
    return {
        "now": line["now"], "best": line["best"], "value": line["value"], "low": line["value_low"],
        "high": line["value_high"], "truth": (wins[0] - wins[1]) * arrivals * AMOUNT,
        "told": bool(line["is_bottleneck"]),
    }  # fmt: skip


def _luckiest(made: Visits, truth: Truth, place: int) -> float:
    """Worth of the quarter with the highest share advanced or won of what ended in it, taken at its word."""
    stays = made.frame[made.frame["position"] == place]
    way = ways_out(stays)
    ended = (stays["entered"] + pd.to_timedelta(stays["days"], unit="D")).to_numpy("datetime64[us]")
    quarter = np.searchsorted(_quarters(made).edges, ended, side="left") - 1
    counts = np.array(
        [[((quarter == k) & (way == code)).sum() for code in (CONVERTS, DROPS)] for k in range(N_QUARTERS)]
    )
    share = counts[:, CONVERTS] / np.maximum(counts.sum(axis=1), 1)
    usual = truth.by_quarter(N_QUARTERS).mean(axis=0)
    wins = []
    for moved in (share.max(), share[-1]):
        changed, parts = usual.copy(), (slice(0, 2), slice(2, 4))
        for part, total in zip(parts, (moved, 1 - moved), strict=True):
            changed[place, part] *= total / usual[place, part].sum()
        wins.append(truth.win_chance(changed)[0])
    return (wins[0] - wins[1]) * N_DEALS / N_QUARTERS * AMOUNT


def _wobbling(seed: int, spread: float) -> Truth:
    """Multiples of each quarter, stage and way out, gamma distributed around 1."""
    if spread == 0:
        return Truth()
    rng = np.random.default_rng([seed, 4])
    shape = spread**-2
    return Truth(factors=rng.gamma(shape, 1 / shape, (8, len(HAZARDS), max(CONVERTS, DROPS) + 1)))


def _spans(made: Visits, kind: str) -> Spans:
    return calendar_spans(made.frame["entered"].min(), made.end, kind=kind, zone=UTC)


def _quarters(made: Visits) -> Spans:
    """Spans at which the simulated hazards change, named like quarters."""
    start = np.datetime64("2023-01-01", "us")
    edges = start + np.round(QUARTER_DAYS * np.arange(9) * 86400e6).astype("timedelta64[us]")
    return Spans(tuple(f"{2023 + k // 4}Q{k % 4 + 1}" for k in range(8)), edges)


def _months(label: str) -> int:
    return 12 * int(label[:4]) + int(label[5:])


def twice(share: float, n: int) -> float:
    return 2 * float(np.sqrt(max(share * (1 - share), 1e-12) / max(n, 1)))
