"""The real panels on which demand forecasters are compared: what is known, what follows, cut at past origins.

Two kinds of sets. Competition sets (`m3-*`, `m4-*`, `tourism-*`) come with their official test part, one horizon per
series; series have no dates and end where they end. The others are forecast from three origins a horizon apart.

Part ``test`` is read once a forecaster is settled. Part ``valid`` is for choices and holds nothing of it: the last
horizon of each series' official training part, or the origins before the first one of the test part. Part ``origins``,
of competition sets alone, has the official test part and the two horizons before it, for ranges: how many outcomes one
horizon holds inside is mostly that horizon's luck.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).parents[2] / "shared" / "data"
PARTS = ("valid", "test", "origins")
#: The two best entrants of M3.
M3_METHODS = ["ForecastPro", "THETA"]
#: A product and country is forecast once it was sold in so many weeks before the origin.
MIN_WEEKS_SOLD = 10


@dataclass(frozen=True)
class Fold:
    """One origin: all that may be known there, and what followed.

    Attributes
    ----------
    origin : str
        Last moment seen, or ``end`` of each series where series have no dates.
    past : DataFrame
        ``unique_id``, ``ds``, ``y``; gaps are missing rows.
    actual : DataFrame
        The same columns for the horizon; only what was observed.
    static : DataFrame or None
        ``unique_id`` and attributes.
    drivers : DataFrame or None
        ``unique_id``, ``ds`` and values known ahead, to the end of the horizon.
    """

    origin: str
    past: pd.DataFrame
    actual: pd.DataFrame
    static: pd.DataFrame | None = None
    drivers: pd.DataFrame | None = None

    def of(self, ids: Iterable[str]) -> "Fold":
        """The same for some of the series."""
        frames = (self.past, self.actual, self.static, self.drivers)
        wanted = set(ids)
        return Fold(self.origin, *(None if f is None else f[f["unique_id"].isin(wanted)] for f in frames))

    def fingerprint(self) -> str:
        """Short hash of all that a forecaster is given."""
        found = hashlib.sha256()
        for frame in (self.past, self.static, self.drivers):
            if frame is not None:
                found.update(" ".join(map(str, frame.columns)).encode())
                found.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return found.hexdigest()[:16]


@dataclass(frozen=True)
class Task:
    """A panel to be forecast.

    Attributes
    ----------
    freq : str or int
        As `DemandForecaster` and statsforecast take it.
    season_length : int or None
        What ours is told: None where the frequency says it.
    peer_season : int
        What the peers are told; 1 where there is less than a season of history.
    is_competition : bool
        One horizon of series without dates, scored by OWA, MASE and sMAPE with the season ``peer_season``; else by
        scaled squared error, WAPE and pinball.
    """

    name: str
    part: str
    freq: str | int
    horizon: int
    season_length: int | None
    peer_season: int
    is_competition: bool
    folds: tuple[Fold, ...]

    def sample(self, n_series: int) -> "Task":
        """A fixed random choice of series, the same for everybody."""
        ids = np.sort(np.unique(np.concatenate([fold.past["unique_id"].unique() for fold in self.folds]).astype(str)))
        chosen = np.random.default_rng(0).permutation(ids)[:n_series]
        return Task(**{**vars(self), "folds": tuple(fold.of(chosen) for fold in self.folds)})


def competition(name: str, data: Path, part: str, *, period: str, season: int) -> Task:
    """M3 and the tourism competition: one period of `series.parquet`."""
    folder = data / ("m3" if name.startswith("m3") else "tourism-competition")
    info = pd.read_parquet(folder / "info.parquet")
    info = info[info["period"] == period]
    series = pd.read_parquet(folder / "series.parquet", filters=[("series", "in", list(info["series"]))])
    train, test = (series[series["part"] == which] for which in ("train", "test"))
    return _official(name, part, train, test, int(info["h"].iloc[0]), season)


def m4(name: str, data: Path, part: str, *, horizon: int, season: int) -> Task:
    """M4: the complete official train and test parts of one frequency."""
    files = [data / "m4" / f"{name.replace('-', '_')}_{which}.parquet" for which in ("train", "test")]
    train = pd.read_parquet(files[0])
    length = train.groupby("series", observed=True)["t"].max()
    test = pd.read_parquet(files[1])
    test = test.assign(t=test["t"] + test["series"].astype(str).map(length.rename(str)).to_numpy())
    return _official(name, part, train, test, horizon, season)


def _official(name: str, part: str, train: pd.DataFrame, test: pd.DataFrame, horizon: int, season: int) -> Task:
    known, following = _long(train, "series", "t"), _long(test, "series", "t")
    if part == "test":
        folds = [Fold("end", known, following)]
    else:
        values, n_folds = (known, 1) if part == "valid" else (pd.concat([known, following]), 3)
        folds = [_before_end(values, back * horizon, horizon, season) for back in range(n_folds, 0, -1)]
    return Task(name, part, 1, horizon, season, season, part != "origins", tuple(folds))


def _before_end(values: pd.DataFrame, n_held: int, horizon: int, season: int) -> Fold:
    """The origin so many periods before the end of each series that is long enough without them."""
    of_series = values.groupby("unique_id")["ds"]
    end, n_before = of_series.transform("max") - n_held, of_series.transform("size") - n_held
    is_past, is_long = values["ds"] <= end, n_before > max(season, 3)
    past = values[is_past & is_long].sort_values(["unique_id", "ds"]).reset_index(drop=True)
    following = values[~is_past & is_long & (values["ds"] <= end + horizon)]
    return Fold(f"end-{n_held}", past, following.sort_values(["unique_id", "ds"]).reset_index(drop=True))


def _long(frame: pd.DataFrame, series: str, time: str, value: str = "y") -> pd.DataFrame:
    found = pd.DataFrame(
        {"unique_id": frame[series].astype(str), "ds": frame[time], "y": frame[value].to_numpy(dtype=float)}
    )
    if pd.api.types.is_integer_dtype(found["ds"]):
        found["ds"] = found["ds"].astype("int64")
    return found.sort_values(["unique_id", "ds"]).reset_index(drop=True)


def raf(name: str, data: Path, part: str) -> Task:
    """Spare parts of the Royal Air Force by month, 90 % zeros; lead time and price are known."""
    panel = _long(pd.read_parquet(data / "spare-parts" / "raf_monthly.parquet"), "item", "month", "qty")
    items = pd.read_parquet(data / "spare-parts" / "raf_items.parquet")
    static = items.assign(unique_id=items["item"].astype(str))[["unique_id", "lead_time_months", "price_gbp"]]
    origins = {"valid": (48, 54, 60), "test": (66, 72, 78)}[part]
    return Task(name, part, "MS", 6, None, 12, False, tuple(_folds(panel, origins, 6, static)))


def auto(name: str, data: Path, part: str) -> Task:
    """Spare parts of cars, 24 months without dates; price is known."""
    panel = _long(pd.read_parquet(data / "spare-parts" / "auto_monthly.parquet"), "item", "t", "qty")
    items = pd.read_parquet(data / "spare-parts" / "auto_items.parquet")
    static = items.assign(unique_id=items["item"].astype(str))[["unique_id", "price"]]
    origins = {"valid": (9, 12), "test": (15, 18, 21)}[part]
    return Task(name, part, 1, 3, None, 1, False, tuple(_folds(panel, origins, 3, static)))


def jewelry(name: str, data: Path, part: str) -> Task:
    """Costume jewelry by week; weeks start on Sunday (week 5 of 1998 to week 24 of 2000)."""
    table = pd.read_parquet(data / "jewelry" / "jewelry.parquet")
    table["week"] = pd.Timestamp("1998-02-01") + pd.to_timedelta(7 * (table["t"] - 1), unit="D")
    origins = {"valid": (76, 84, 92), "test": (100, 108, 116)}[part]
    return Task(name, part, "W-SUN", 8, None, 52, False, tuple(_folds(_long(table, "series", "week"), origins, 8)))


def hospital(name: str, data: Path, part: str) -> Task:
    """Patients by month. Names repeat; the series are told apart by their place in the month."""
    table = pd.read_parquet(data / "hospital" / "hospital.parquet")
    table["place"] = table.groupby("month").cumcount()
    panel = _long(table, "place", "month")
    origins = {"valid": (24, 36), "test": (48, 60, 72)}[part]
    return Task(name, part, "MS", 12, None, 12, False, tuple(_folds(panel, origins, 12)))


def orange_juice(name: str, data: Path, part: str) -> Task:
    """Orange juice by store, brand and week: units, not their logarithm; a week without a row is unknown, not 0.

    Prices, deals and features of a week are the retailer's own plan, so they are taken as known ahead. The prices of
    all brands stand in every row of a store, so they are known in weeks without a sale too. Deal and feature are not:
    they count as none there, and no such week is scored.
    """
    sales = pd.read_parquet(data / "dominicks-oj" / "weekly_sales.parquet")
    first = pd.Timestamp("1989-09-14")  # week 1 of the database
    sales["ds"] = first + pd.to_timedelta(7 * (sales["week"].astype(int) - 1), unit="D")
    sales["series"] = sales["store"].astype(str) + "/" + sales["brand"].astype(str)
    sales["y"] = np.exp(sales["logmove"]).round()
    static = sales.drop_duplicates("series")[["series", "store", "brand"]].rename(columns={"series": "unique_id"})
    static = static.astype({"store": str, "brand": str})
    prices = sales.drop_duplicates(["store", "ds"])[["store", "ds", *(f"price{brand}" for brand in range(1, 12))]]
    prices = prices.melt(["store", "ds"], var_name="brand", value_name="price")
    prices["others"] = prices.groupby(["store", "ds"])["price"].transform("mean")
    prices["unique_id"] = prices["store"].astype(str) + "/" + prices["brand"].str.removeprefix("price")
    flags = sales[["series", "ds", "deal", "feat"]].rename(columns={"series": "unique_id"})
    drivers = prices[["unique_id", "ds", "price", "others"]].merge(flags, "left", ["unique_id", "ds"])
    drivers[["deal", "feat"]] = drivers[["deal", "feat"]].astype(float).fillna(0.0)
    drivers = drivers[drivers["unique_id"].isin(static["unique_id"])].sort_values(["unique_id", "ds"])
    origins = {"valid": (73, 81, 89), "test": (97, 105, 113)}[part]
    folds = _folds(_long(sales, "series", "ds"), origins, 8, static, drivers)
    return Task(name, part, "W-THU", 8, None, 52, False, tuple(folds))


def retail(name: str, data: Path, part: str) -> Task:
    """Online retail: units by product, country and full week, cancelled ones taken off in the week of the cancellation.

    Without codes that are no product (postage, fees, vouchers) and lines without a price (stock corrections). A week
    without a line is 0 from the first sale on. The first and last week, which are cut, are left out. An origin has
    the series that were sold in ten weeks before it at least.
    """
    lines = pd.read_parquet(data / "online-retail" / "transactions.parquet")
    code = lines["StockCode"].astype(str).str.upper()
    is_product = code.str.fullmatch(r"\d{5}[A-Z]{0,2}") & (lines["UnitPrice"] > 0)
    week = lines["InvoiceDate"].dt.to_period("W-SUN").dt.start_time
    country = lines["Country"].astype(str)
    table = pd.DataFrame({"series": code + "/" + country, "country": country, "week": week, "y": lines["Quantity"]})
    table = table[is_product & (week > week.min()) & (week < week.max())]
    weekly = table.pivot_table(index="series", columns="week", values="y", aggfunc="sum")
    weekly = weekly.reindex(columns=pd.date_range(weekly.columns[0], weekly.columns[-1], freq="W-MON", name="week"))
    static = table.drop_duplicates("series")[["series", "country"]].rename(columns={"series": "unique_id"})
    was_sold = weekly.notna().to_numpy()
    begun = np.maximum.accumulate(was_sold, axis=1)
    filled = weekly.fillna(0.0).where(begun)
    origins = {"valid": (28, 32, 36), "test": (40, 44, 48)}[part]
    folds = []
    for origin in origins:
        known = filled[was_sold[:, :origin].sum(axis=1) >= MIN_WEEKS_SOLD]
        panel = known.reset_index().melt("series", var_name="week", value_name="y").dropna()
        here = static[static["unique_id"].isin(known.index)]
        folds += _folds(_long(panel, "series", "week"), (origin,), 4, here, first=weekly.columns[0])
    return Task(name, part, "W-MON", 4, None, 1, False, tuple(folds))


def _folds(
    panel: pd.DataFrame,
    origins: Iterable[int],
    horizon: int,
    static: pd.DataFrame | None = None,
    drivers: pd.DataFrame | None = None,
    first: pd.Timestamp | None = None,
) -> list[Fold]:
    """Folds of the first so many moments of the panel; a last known value stands in a gap at the end of its series."""
    moments = np.sort(panel["ds"].unique())
    assert first is None or moments[0] == first
    folds = []
    for origin in origins:
        cutoff, end = moments[origin - 1], moments[origin - 1 + horizon]
        past = _carried(panel[panel["ds"] <= cutoff], moments[:origin])
        following = panel[(panel["ds"] > cutoff) & (panel["ds"] <= end)]
        actual = following[following["unique_id"].isin(past["unique_id"].unique())]
        known = None if drivers is None else drivers[drivers["ds"] <= end].reset_index(drop=True)
        folds.append(Fold(str(cutoff)[:10], past, actual.reset_index(drop=True), static, known))
    return folds


def _carried(past: pd.DataFrame, moments: np.ndarray) -> pd.DataFrame:
    """With rows up to the last moment for every series, since forecasts start behind a series' last row."""
    last = past.groupby("unique_id")["ds"].idxmax()
    ends = past.loc[last]
    n_missing = len(moments) - 1 - np.searchsorted(moments, ends["ds"].to_numpy())
    late = ends.loc[ends.index.repeat(n_missing)]
    step = late.groupby("unique_id").cumcount().to_numpy() + 1
    late = late.assign(ds=moments[np.searchsorted(moments, late["ds"].to_numpy()) + step])
    return pd.concat([past, late]).sort_values(["unique_id", "ds"]).reset_index(drop=True)


#: Cheap ones first.
SETS: dict[str, Callable[[str, Path, str], Task]] = {
    "tourism-yearly": partial(competition, period="YEARLY", season=1),
    "tourism-quarterly": partial(competition, period="QUARTERLY", season=4),
    "tourism-monthly": partial(competition, period="MONTHLY", season=12),
    "m3-yearly": partial(competition, period="YEARLY", season=1),
    "m3-quarterly": partial(competition, period="QUARTERLY", season=4),
    "m3-monthly": partial(competition, period="MONTHLY", season=12),
    "m3-other": partial(competition, period="OTHER", season=1),
    "hospital": hospital,
    "jewelry": jewelry,
    "auto": auto,
    "raf": raf,
    "oj": orange_juice,
    "retail": retail,
    "m4-hourly": partial(m4, horizon=48, season=24),
    "m4-yearly": partial(m4, horizon=6, season=1),
}


def is_competition(name: str) -> bool:
    """Whether a set has an official test part, one horizon of series without dates."""
    return name.startswith(("m3", "m4", "tourism"))


def published_forecasts(task: Task, data: Path) -> dict[str, pd.DataFrame]:
    """What entrants of the M3 competition forecast: ``unique_id``, ``ds``, ``mean`` by method; empty for other sets."""
    if not task.name.startswith("m3") or task.part != "test":
        return {}
    end = task.folds[0].past.groupby("unique_id")["ds"].max()
    table = pd.read_parquet(data / "m3" / "published_forecasts.parquet", filters=[("method", "in", M3_METHODS)])
    table = table[table["series"].astype(str).isin(end.index)]
    table = table.assign(unique_id=table["series"].astype(str), method=table["method"].astype(str))
    table["ds"] = table["unique_id"].map(end) + table["h"].astype("int64")
    return {name: part[["unique_id", "ds", "forecast"]].rename(columns={"forecast": "mean"})
            for name, part in table.groupby("method")}  # fmt: skip


def load_task(name: str, data: Path = DATA, part: str = "test") -> Task:
    """One set cut for validation or test.

    Raises
    ------
    KeyError
        If there is no such set.
    """
    return SETS[name](name, data, part)
