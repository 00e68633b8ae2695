"""What a won opportunity brings, given what was asked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Fewer known amounts of a product than this and the company's stand in for one that is missing.
_MIN_AMOUNTS = 5
#: Fewer won opportunities than this do not tell how far wins bring what was asked.
_MIN_RATIOS = 20
#: Widest log standard deviation that an interval may state, and largest ratio of won to asked.
_MAX_SD, _MAX_RATIO = 1.5, 20.0
#: An 80 % interval of a normal distribution is as many standard deviations wide.
_WIDTH_80 = 2 * float(ndtri(0.9))


@dataclass(frozen=True)
class Amounts:
    """Law of the amount of each open opportunity if it is won.

    Attributes
    ----------
    amount : array of shape (n_deals,)
        Expected, or asked where nothing is expected; NaN when unknown.
    log_sd : array of shape (n_deals,)
        Of a lognormal factor with mean 1; NaN where the factor is one of ``ratios``.
    is_expected : bool array of shape (n_deals,)
        Whether ``amount`` is what a score expects, so that ratios vary it and do not move it.
    ratios : array of shape (n_ratios,)
        Amounts won over amounts asked, of past wins; ``[1.]`` while too few are known.
    values : array of shape (n_values,)
        Amounts of others, from which a missing one is drawn: ``length`` of them from ``start`` on.
    start, length : int array of shape (n_deals,)
    """

    amount: Floats
    log_sd: Floats
    is_expected: NDArray[np.bool_]
    ratios: Floats
    values: Floats
    start: Codes
    length: Codes

    def draw(self, deal: Codes, uniform: Floats) -> Floats:
        """Amounts of won opportunities.

        Parameters
        ----------
        deal : int array of shape (n,)
        uniform : array of shape (n,)
            Uniform draws on (0, 1).
        """
        low_sd = np.nan_to_num(self.log_sd[deal])
        stated = np.exp(low_sd * ndtri(uniform) - low_sd**2 / 2)
        ratio = self.ratios[(uniform * len(self.ratios)).astype(np.int64)]
        ratio = np.where(self.is_expected[deal], ratio / max(float(self.ratios.mean()), 1e-9), ratio)
        factor = np.where(np.isnan(self.log_sd[deal]), ratio, stated)
        other = self.values[self.start[deal] + (uniform * self.length[deal]).astype(np.int64)]
        amount = self.amount[deal]
        return np.where(np.isnan(amount), other, np.nan_to_num(amount) * factor)


def amounts_if_won(opened: pd.DataFrame, scores: pd.DataFrame, like: pd.DataFrame, ratios: Floats) -> Amounts:
    """Laws of amounts, from what the scores say and from past wins.

    Parameters
    ----------
    opened : DataFrame
        ``entity_id``, ``product_id``, ``amount`` of the open opportunities.
    scores : DataFrame
        ``entity_id`` and perhaps ``amount_if_won``, ``amount_low``, ``amount_high`` (80 % interval).
    like : DataFrame
        ``product_id``, ``amount`` of those from which missing amounts are drawn.
    ratios : array
        Won over asked, of past wins.
    """
    said = ["amount_if_won", "amount_low", "amount_high"]
    by_id = scores.drop_duplicates("entity_id").set_index("entity_id").reindex(columns=said).astype(float)
    mean, low, high = by_id.reindex(opened["entity_id"]).to_numpy(dtype=float).T.reshape(3, -1)
    known = (low > 0) & (high >= low) & (mean > 0)
    log_sd = np.full(len(opened), np.nan)
    log_sd[known] = np.minimum(np.log(high[known] / low[known]) / _WIDTH_80, _MAX_SD)
    used = ratios[np.isfinite(ratios) & (ratios <= _MAX_RATIO)]
    values, start, length = _pools(like, opened["product_id"])
    return Amounts(
        opened["amount"].to_numpy(dtype=float),
        log_sd,
        mean > 0,
        np.sort(used) if len(used) >= _MIN_RATIOS else np.ones(1),
        values,
        start,
        length,
    )


def _pools(like: pd.DataFrame, product_id: pd.Series) -> tuple[Floats, Codes, Codes]:
    """Amounts of opportunities alike, and which run of them stands for each opportunity: its product's, else all.

    Returns the amounts (the company's, then those of each product with enough of them) with start and length of the
    run of each opportunity. Without any known amount everything is 0.
    """
    known = like.loc[like["amount"].notna(), ["product_id", "amount"]]
    company = known["amount"].to_numpy(dtype=float) if len(known) else np.zeros(1)
    counts = known["product_id"].value_counts().sort_index()
    counts = counts[counts >= _MIN_AMOUNTS]
    own = known[known["product_id"].isin(counts.index)].sort_values("product_id", kind="stable")
    starts = len(company) + np.concatenate([[0], np.cumsum(counts.to_numpy())]).astype(np.int64)
    place = pd.Index(counts.index).get_indexer(pd.Index(product_id))
    start = np.where(place >= 0, starts[place], 0)
    length = np.where(place >= 0, np.append(counts.to_numpy(), 0)[place], len(company))
    return np.concatenate([company, own["amount"].to_numpy(dtype=float)]), start, length.astype(np.int64)
