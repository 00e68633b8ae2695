"""What each open opportunity is expected to bring: its chance times its mean amount if won."""

import numpy as np
from numpy.typing import NDArray

from forecast.outlook.amounts import Amounts
from forecast.outlook.outlook import digits_of

Floats = NDArray[np.float64]
Units = NDArray[np.int64]


def mean_if_won(amounts: Amounts) -> Floats:
    """Mean of what `Amounts.draw` gives for each open opportunity, shape (n_deals,)."""
    factor = np.where(np.isnan(amounts.log_sd) & ~amounts.is_expected, amounts.ratios.mean(), 1.0)
    total = np.concatenate([[0.0], np.cumsum(amounts.values)])
    others = (total[amounts.start + amounts.length] - total[amounts.start]) / np.maximum(amounts.length, 1)
    return np.asarray(np.where(np.isnan(amounts.amount), others, np.nan_to_num(amounts.amount) * factor))


def expected_minor(chance: Floats, amount: Floats, currency: str) -> Units:
    """Chance times amount of each opportunity, in whole smallest units, so that sums over any groups are exact."""
    return np.asarray(np.rint(chance * np.nan_to_num(amount) * 10 ** digits_of(currency)), dtype=np.int64)
