import numpy as np
import pandas as pd

from training.split import LATER_ENTITIES, LATER_TIME, split_by_time

START = pd.Timestamp("2025-01-01", tz="UTC")


def snapshots(n_days: int, *, known_until: int) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Two new entities a day, one that wins and one that does not, each seen on two days; labels up to a day."""
    days = np.repeat(np.arange(n_days), 4)
    table = pd.DataFrame(
        {
            "entity_id": [f"{kind}{day:03d}" for day in range(n_days) for kind in "WWLL"],
            "as_of": START + pd.to_timedelta(days + np.tile([0, 1], 2 * n_days), unit="D"),
        }
    ).sort_values(["as_of", "entity_id"], ignore_index=True)
    label = table["entity_id"].str.startswith("W").astype(float)
    return table, label.mask(table["as_of"] >= START + pd.Timedelta(days=known_until))


def test_judged_rows_are_later_than_every_fit_and_its_labels() -> None:
    table, label = snapshots(100, known_until=90)

    split = split_by_time(table, label, 10)

    assert split.scheme == LATER_TIME
    assert len(split.blocks) == 3
    for block in split.blocks:
        assert table["as_of"][block.train].max() < block.origin
        assert table["as_of"][block.valid].min() == block.origin


def test_blocks_cover_the_later_half_of_the_labelled_rows_once() -> None:
    table, label = snapshots(100, known_until=90)

    split = split_by_time(table, label, 10, valid_share=0.5)

    assert sum(block.valid.sum() for block in split.blocks) == split.valid.sum()
    np.testing.assert_allclose(split.valid.sum() / label.notna().sum(), 0.5, atol=0.02)
    assert label[split.valid].notna().all()


def test_origin_leaves_twenty_won_entities_to_learn_from() -> None:
    table, label = snapshots(100, known_until=90)

    # Windows of 50 days: before day 70 too few of them have ended.
    split = split_by_time(table, label, 50)

    assert split.scheme == LATER_TIME
    ended = table["as_of"] + pd.Timedelta(days=50) <= split.origin
    won = table["entity_id"][ended & (label == 1)].nunique()
    assert won >= 20, won


def test_history_shorter_than_two_horizons_is_split_by_entities_in_order() -> None:
    table, label = snapshots(60, known_until=50)

    split = split_by_time(table, label, 40)

    assert split.scheme == LATER_ENTITIES
    for block in split.blocks:
        fitted, judged = (set(table["entity_id"][rows]) for rows in (block.train, block.valid))
        assert not fitted & judged
        first = table.groupby("entity_id")["as_of"].min()
        assert first[list(fitted)].max() <= first[list(judged)].min()


def test_split_does_not_depend_on_the_order_of_rows() -> None:
    table, label = snapshots(60, known_until=50)
    shuffled = np.random.default_rng(0).permutation(len(table))

    one = split_by_time(table, label, 40)
    other = split_by_time(table.iloc[shuffled].reset_index(drop=True), label.iloc[shuffled].reset_index(drop=True), 40)

    assert [block.origin for block in one.blocks] == [block.origin for block in other.blocks]
    np.testing.assert_array_equal(one.valid[shuffled], other.valid)
