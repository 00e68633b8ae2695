import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from api.ranking import Place, page


def _rows(values: list[float | None], ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "value": pd.array(values, dtype="Float64")})


def test_page_is_highest_first_with_ties_by_id_and_missing_last() -> None:
    rows = _rows([None, 0.5, 0.9, 0.5, None], "ecadb")

    shown = page(rows, by="value", key="id", limit=10)

    assert shown.rows["id"].tolist() == ["a", "c", "d", "b", "e"]
    assert shown.end is None


def test_page_ends_at_its_last_row() -> None:
    rows = _rows([0.5, 0.9, 0.5, None], "cadb")

    assert page(rows, by="value", key="id", limit=2).end == (0.5, "c")
    assert page(rows, by="value", key="id", limit=3).end == (0.5, "d")
    assert page(rows, by="value", key="id", limit=4).end is None


def test_page_without_a_value_is_ordered_by_key() -> None:
    rows = pd.DataFrame({"id": ["b", "c", "a"]})

    first = page(rows, by=None, key="id", limit=2)

    assert (first.rows["id"].tolist(), first.end) == (["a", "b"], (None, "b"))
    assert page(rows, by=None, key="id", limit=2, after=first.end).rows["id"].tolist() == ["c"]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, None]), max_size=20), st.integers(1, 7))
def test_pages_together_are_the_list_whatever_the_ties(values: list[float | None], limit: int) -> None:
    rows = _rows(values, "".join(chr(ord("a") + number) for number in range(len(values))))
    whole = page(rows, by="value", key="id", limit=len(rows) + 1).rows["id"].tolist()

    found: list[str] = []
    after: Place | None = None
    while True:
        # The order in which rows are stored must not matter.
        shown = page(
            rows.sample(frac=1, random_state=limit + len(found)), by="value", key="id", limit=limit, after=after
        )
        found += shown.rows["id"].tolist()
        after = shown.end
        if after is None:
            break

    assert found == whole


def test_page_goes_on_behind_a_row_that_is_gone() -> None:
    rows = _rows([0.9, 0.5, 0.4], "abc")
    after = page(rows, by="value", key="id", limit=2).end

    shown = page(rows[rows["id"] != "b"], by="value", key="id", limit=2, after=after)

    assert shown.rows["id"].tolist() == ["c"]
