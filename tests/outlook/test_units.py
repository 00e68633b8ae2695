import numpy as np
import pandas as pd

from forecast.outlook.outlook import UNASSIGNED
from forecast.outlook.units import Units

ROWS = pd.DataFrame({"owner_id": ["a", "b", "b", None], "region": ["north", None, "south", "north"], "category": None})


def test_sums_are_exact_and_the_same_for_the_company_whatever_the_units():
    amount = np.array([0.1, 0.2, 0.3, 1e6 + 0.005])
    path = np.array([0, 0, 1, 1])

    totals = []
    for by, names in (("owner", [UNASSIGNED, "a", "b"]), ("region", [UNASSIGNED, "north", "south"])):
        units = Units.of(by, [UNASSIGNED, "a", "b"], [ROWS], 2, "EUR")
        assert units.names == names
        totals.append(units.sums(path, units.codes(ROWS), amount))

    assert totals[0].tolist() == [[0, 10, 20], [100_000_000, 0, 30]]  # cents
    np.testing.assert_array_equal(totals[0].sum(axis=1), totals[1].sum(axis=1))


def test_who_is_not_remembered_is_left_out():
    units = Units("owner", ["a"], 1, "EUR")

    assert units.sums(np.zeros(4, dtype=int), units.codes(ROWS), np.ones(4)).tolist() == [[100]]
