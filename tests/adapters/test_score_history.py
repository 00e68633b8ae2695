from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from forecast.adapters.lake import DeltaLake
from forecast.errors import InvalidInput

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
REASONS = '[{"code": "stage.current", "points": 0.25, "evidence": {"stage": "报价", "n": 212}}]'


def scores(**columns: object) -> pd.DataFrame:
    given = {
        "entity": "lead", "entity_id": "L1", "owner_id": None, "as_of": AS_OF, "batch": 4, "model_version": "m/1",
        "probability": 0.25, "p_30d": 0.1, "predicted_close_date": date(2026, 4, 1), "grade": "B", "reasons": REASONS,
        "backdated": False,
    }  # fmt: skip
    return pd.DataFrame([given | columns])


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path / "lake")


def test_scores_come_back_as_given(lake: DeltaLake) -> None:
    lake.append_scores(scores())

    found = lake.scores().iloc[0].to_dict()

    assert found == scores().iloc[0].to_dict() | {"as_of": pd.Timestamp(AS_OF)}
    assert lake.scores()["as_of"].dtype == "datetime64[us, UTC]"


def test_reasons_given_as_lists_are_kept_as_json(lake: DeltaLake) -> None:
    lake.append_scores(scores().assign(reasons=[[{"code": "rest", "points": 0.5}]]))

    assert lake.scores()["reasons"].tolist() == ['[{"code": "rest", "points": 0.5}]']


def test_no_scores_leave_no_trace(lake: DeltaLake) -> None:
    lake.append_scores(scores().iloc[:0])

    assert lake.scores().empty
    assert not (lake.folder / "scores").exists()


def test_the_first_score_of_a_key_stays(lake: DeltaLake) -> None:
    lake.append_scores(scores())
    lake.append_scores(pd.concat([scores(probability=0.9), scores(entity_id="L2"), scores(entity_id="L2")]))

    assert lake.scores()[["entity_id", "probability"]].to_numpy().tolist() == [["L1", 0.25], ["L2", 0.25]]


def test_scores_are_found_by_entity_and_moment(lake: DeltaLake) -> None:
    later = datetime(2026, 3, 8, tzinfo=UTC)
    lake.append_scores(pd.concat([scores(), scores(entity="opportunity"), scores(as_of=later, probability=0.5)]))

    assert lake.scores("lead", "L1")["probability"].tolist() == [0.25, 0.5]
    assert lake.scores(as_of=AS_OF)["entity"].tolist() == ["lead", "opportunity"]
    assert lake.scores(entity_id="nobody").empty


def test_other_horizons_become_columns_of_their_own(lake: DeltaLake) -> None:
    lake.append_scores(scores())
    lake.append_scores(scores(batch=5).rename(columns={"p_30d": "p_14d"}))

    assert lake.scores()["p_30d"].tolist() == pytest.approx([0.1, float("nan")], nan_ok=True)
    assert lake.scores()["p_14d"].tolist() == pytest.approx([float("nan"), 0.1], nan_ok=True)


def test_scores_of_an_empty_lake_are_an_empty_frame(lake: DeltaLake) -> None:
    assert lake.scores().empty
    assert "entity_id" in lake.scores()


def test_append_scores_names_missing_columns(lake: DeltaLake) -> None:
    with pytest.raises(InvalidInput, match=r"missing columns \['batch'\]"):
        lake.append_scores(scores().drop(columns="batch"))


def test_a_first_append_that_was_killed_leaves_an_empty_history(lake: DeltaLake) -> None:
    (lake.folder / "scores" / "_delta_log").mkdir(parents=True)

    assert lake.scores().empty
    lake.append_scores(scores())
    assert len(lake.scores()) == 1


def test_compaction_and_vacuum_keep_every_score(lake: DeltaLake) -> None:
    for batch in (1, 2, 3):
        lake.append_scores(scores(batch=batch))

    lake.compact()
    lake.vacuum(0)

    assert lake.scores()["batch"].tolist() == [1, 2, 3]
    assert len(list((lake.folder / "scores").glob("*.parquet"))) == 1


def test_first_score_of_each_month_is_found_and_backdated_ones_are_left_out(lake: DeltaLake) -> None:
    days = [
        datetime(2026, 2, 27, tzinfo=UTC),
        AS_OF,
        datetime(2026, 3, 9, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
    ]
    for place, day in enumerate(days):
        lake.append_scores(scores(as_of=day, p_30d=place / 10))
    lake.append_scores(scores(as_of=datetime(2026, 1, 5, tzinfo=UTC), backdated=True))
    lake.append_scores(scores(entity_id="L2", as_of=AS_OF, p_30d=None))

    found = lake.first_scores("lead", "p_30d", datetime(2026, 3, 31, tzinfo=UTC))

    assert found[["as_of", "probability"]].to_numpy().tolist() == [
        [pd.Timestamp(days[0]), 0.0], [pd.Timestamp(days[1]), 0.1]
    ]  # fmt: skip
    assert lake.first_scores("lead", "p_999d", AS_OF).empty
