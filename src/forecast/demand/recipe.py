"""How far back to look at each frequency."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Spans in periods of one frequency.

    Attributes
    ----------
    season_length : int
        Periods after which the pattern repeats; 1 for none.
    windows : tuple of int
        Spans of the rolling means.
    n_lags : int
        Number of last values.
    season_counts : tuple of int
        Over how many past seasons to average the same place in the season.
    scale_window : int
        Span over which a series' level is measured.
    """

    season_length: int
    windows: tuple[int, ...]
    n_lags: int
    season_counts: tuple[int, ...]
    scale_window: int

    @property
    def long_season(self) -> int:
        """A second, longer season: the week of hours, the year of days; 0 where there is none."""
        return {24: 168, 48: 336, 7: 364}.get(self.season_length, 0)


_RECIPES = {
    "h": Recipe(24, (6, 24, 72, 168, 672), 3, (3, 7, 14), 168),
    "D": Recipe(7, (3, 7, 14, 28, 56, 112), 2, (4, 8, 16), 56),
    "W": Recipe(52, (2, 4, 8, 13, 26, 52), 4, (2,), 13),
    "M": Recipe(12, (2, 3, 6, 12, 24), 3, (2, 3), 12),
    "Q": Recipe(4, (2, 4, 8), 3, (2, 3), 8),
    "Y": Recipe(1, (2, 3, 5), 3, (), 5),
}


def recipe_of(unit: str, season_length: int | None = None) -> Recipe:
    """The recipe of a grid unit, or one built around a given season length."""
    if season_length is None:
        return _RECIPES.get(unit) or Recipe(1, (2, 4, 8, 16), 3, (), 8)
    if unit in _RECIPES and _RECIPES[unit].season_length == season_length:
        return _RECIPES[unit]
    if season_length == 1:
        return Recipe(1, (2, 4, 8, 16), 3, (), 8)
    m = season_length
    return Recipe(m, tuple(sorted({2, max(m // 4, 3), m, 2 * m, 4 * m})), 3, (2, 4, 8), 2 * m)
