"""A stream of wins, opportunities or orders: what is learned of it, and paths of what is still to come."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.arrivals import (
    MEMORY_DAYS,
    PRIOR_WINS,
    Arrivals,
    Drawn,
    Rates,
    draw_arrivals,
    event_intensities,
    owner_rates,
)
from forecast.outlook.calibration import Opened, best_half_life, look_back
from forecast.outlook.origins import past_origins
from forecast.outlook.people import People
from forecast.outlook.season import Season, fit_season
from forecast.outlook.shocks import ShockSizes, fit_shock_sizes

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


#: An expectation is as uncertain as one from so many wins, while there are none.
_PRIOR_WINS = 10.0
#: Days ahead for which the calendar is known at least, so that probabilities at horizons have their place in it.
_AHEAD_DAYS = 120.0


@dataclass(frozen=True)
class Span:
    """Where an outlook looks, in days from ``as_of``.

    Attributes
    ----------
    from_days, to_days : float
        The part of the period that is still ahead; nothing if ``to_days`` is not above 0.
    history_days : float
        Length of the history; 0 for none.
    today : date
        Of ``as_of`` in the zone of the workspace.
    """

    from_days: float
    to_days: float
    history_days: float
    today: date


@dataclass(frozen=True)
class Stream:
    """What is learned of a stream at ``as_of``.

    Attributes
    ----------
    past : Arrivals
    intensity : array of shape (n_events,)
        Expected number of wins ahead that are like each past one.
    rates : Rates
    season : Season
    sizes : ShockSizes
    shrink : bool
        Whether owners share experience.
    """

    past: Arrivals
    intensity: Floats
    rates: Rates
    season: Season
    sizes: ShockSizes
    shrink: bool

    @property
    def owner_variance(self) -> Floats:
        """Relative variance of each owner's expected number of wins."""
        n_own = self.rates.n_own
        return np.asarray(1 / (self.rates.prior + n_own) if self.shrink else 1 / (_PRIOR_WINS + n_own))

    @property
    def law_variance(self) -> float:
        """Relative variance of the company's expected number of wins."""
        return 1 / (_PRIOR_WINS + float(self.rates.n_own.sum()))

    def amount_variances(self, amount: Floats) -> tuple[float, Floats]:
        """Relative variance of the mean amount of a win, of the company's wins and of each owner's.

        Parameters
        ----------
        amount : array of shape (n_events,)
        """
        mean = float(amount.mean()) if len(amount) else 0.0
        spread = float(amount.var()) / mean**2 if mean else 0.0
        return spread * self.law_variance, spread / (PRIOR_WINS + self.rates.n_own)

    def draw(self, people: People, multiplier: Floats, rng: np.random.Generator) -> Drawn:
        """Wins yet to come in all paths."""
        return draw_arrivals(
            self.rates,
            self.intensity,
            self.past.owner,
            team=people.team,
            is_active=people.is_there(0.0),
            shrink=self.shrink,
            multiplier=multiplier,
            rng=rng,
        )

    def steps(self, event: Codes, span: Span, ends_days: Floats, rng: np.random.Generator) -> Codes:
        """In which step each drawn win comes: evenly, by the clock of the season, from when it can come at all.

        Parameters
        ----------
        event : int array of shape (n_drawn,)
            The past win that each is like.
        span : Span
        ends_days : array of shape (n_ends,)
            Ends of the steps, in days from ``as_of``; the last is the end of the span.
        rng : numpy Generator
        """
        if len(ends_days) < 2:
            return np.zeros(len(event), dtype=np.int64)
        cycle = self.past.closed_days - self.past.created_days
        begins = self.season.clock(np.minimum(np.maximum(cycle, span.from_days), span.to_days))[event]
        ends = self.season.clock(ends_days)
        comes = begins + rng.random(len(event)) * (ends[-1] - begins)
        return np.asarray(np.minimum(np.searchsorted(ends, comes, side="right"), len(ends) - 1), dtype=np.int64)


def learn_stream(
    past: Arrivals,
    opened: Opened | None,
    people: People,
    span: Span,
    *,
    shrink: bool,
    common_shocks: bool = True,
) -> Stream:
    """Season, rates and sizes of shocks of a stream.

    Parameters
    ----------
    past : Arrivals
    opened : Opened, optional
        Opportunities open at the origins of `past_origins`; None for a stream without.
    people : People
    span : Span
    shrink : bool
    common_shocks : bool
        False leaves only chance between deals, to show what the shocks are worth.
    """
    first_days, counted = -span.history_days, past.binned()
    season = fit_season(past.closed_days, span.history_days, max(span.to_days, _AHEAD_DAYS), span.today)
    origins = past_origins(span.from_days, span.to_days, span.history_days)
    if not len(past.owner):  # nothing to choose by
        origins = past_origins(span.from_days, span.to_days, 0.0)
    half_life = best_half_life(counted, origins, first_days=first_days, season=season)
    intensity, weight = event_intensities(
        past,
        at=0.0,
        from_days=span.from_days,
        to_days=span.to_days,
        first_days=first_days,
        season=season,
        half_life_days=half_life,
    )
    present = people.present(0.0, first_days, MEMORY_DAYS)
    is_active = people.is_there(0.0)
    rates = owner_rates(
        intensity, weight, past.owner, team=people.team, is_active=is_active, present=present, shrink=shrink
    )
    if not common_shocks:
        return Stream(past, intensity, rates, season, ShockSizes.none(), shrink)
    surprises = look_back(
        Opened.none() if opened is None else opened,
        counted,
        origins,
        people,
        first_days=first_days,
        season=season,
        half_life_days=half_life,
        shrink=shrink,
    )
    return Stream(past, intensity, rates, season, fit_shock_sizes(surprises, people.team), shrink)


def past_events(
    rows: pd.DataFrame, created: str, closed: str, known_days: Floats, people: People, now: pd.Timestamp
) -> tuple[Arrivals, pd.DataFrame]:
    """Past wins of the owners with known amounts, and the rows that they are."""
    codes = people.codes(rows["owner_id"])
    used = (codes >= 0) & rows["amount"].notna().to_numpy() & rows[created].notna().to_numpy()
    kept = rows[used]
    days = [np.asarray((kept[name] - now) / pd.Timedelta(days=1), dtype=float) for name in (created, closed)]
    known = np.where(np.isnan(known_days[used]), days[1], known_days[used])
    return Arrivals(codes[used], np.minimum(days[0], days[1]), days[1], known, np.ones(len(kept))), kept
