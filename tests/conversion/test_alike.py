"""Cases alike: entities, not rows, in bins of a feature's values."""

import numpy as np
import pandas as pd

from forecast.conversion.alike import AlikeCases

X = pd.DataFrame(
    {
        "stage__current": ["new", "new", "offer", "offer", "offer", None] * 5,
        "interactions__phone__count_30d": [0.0, 1, 2, 3, 4, np.nan] * 5,
    }
)
Y = np.array([0, 0, 1, 0, 1, 1] * 5)
ENTITIES = np.repeat(np.arange(5), 6)


def test_alike_cases_are_entities_and_their_win_rate() -> None:
    alike = AlikeCases.fit(X, Y, ENTITIES)

    found = alike.look_up(X[:6])
    texts, counts, rates = found["stage__current"]

    assert texts.tolist() == ["new", "new", "offer", "offer", "offer", ""]
    assert counts.tolist() == [5.0] * 6  # each entity was seen in each stage
    assert rates.tolist() == [0.0, 0.0, 2 / 3, 2 / 3, 2 / 3, 1.0]


def test_alike_cases_by_bins_of_a_number() -> None:
    values = pd.DataFrame({"x": np.arange(60.0)})
    found = AlikeCases.fit(values, (np.arange(60) >= 30).astype(float), np.arange(60)).look_up(values)

    texts, counts, rates = found["x"]
    assert counts.sum() == 10 * 60
    assert rates[:10].tolist() == [0.0] * 10
    assert rates[-10:].tolist() == [1.0] * 10
    assert texts[7] == "7"


def test_a_value_beyond_the_training_range_belongs_to_the_last_bin() -> None:
    alike = AlikeCases.fit(X, Y, ENTITIES)
    odd = X[:1].assign(stage__current="unheard", interactions__phone__count_30d=1e9)

    found = alike.look_up(odd)

    assert found["stage__current"][1].tolist() == [0.0]
    assert found["interactions__phone__count_30d"][1].tolist() == [5.0]


def test_evidence_of_some_rows_is_what_all_of_them_show() -> None:
    alike = AlikeCases.fit(X, Y, ENTITIES)
    rows = np.array([5, 2, 2, 0])

    values, bins, position = alike.evidence(X, alike.encoder.transform(X), "stage__current", rows)

    texts, counts, rates = alike.look_up(X)["stage__current"]
    assert values.tolist() == texts[rows].tolist()
    assert [bins[k].n for k in position] == counts[rows].tolist()
    np.testing.assert_allclose([bins[k].rate for k in position], rates[rows], atol=1e-6)
