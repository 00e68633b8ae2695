import numpy as np
import pytest

DEAL = {"opportunity_id": "O1", "account_id": "A1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}


def talk(n, at, **columns):
    """An interaction of O1, recorded when it happened unless said otherwise."""
    return {"interaction_id": f"I{n}", "at": at, "recorded_at": at, "opportunity_id": "O1"} | columns


def one(ask, as_of, *talks, **tables):
    features = ask("interactions", "opportunity", [("O1", as_of)], opportunities=[DEAL], interactions=talks, **tables)
    return features.rename(columns=lambda name: name.removeprefix("interactions__")).iloc[0]


def test_counts_and_recency_by_hand(ask):
    features = one(
        ask,
        "2024-07-01",
        talk(1, "2023-01-01", channel="phone", direction="out"),
        talk(2, "2024-05-02", channel="email", direction="in"),
        talk(3, "2024-06-20", channel="phone", direction="out", result="unanswered", duration_s=1800),
        talk(4, "2024-06-24", channel="phone", direction="out", kind="Second call"),  # seven days before: counts
        talk(5, "2024-07-01", channel="phone", direction="in"),  # at the moment itself: not yet
    )

    counts = features[[f"all__count{window}" for window in ("_7d", "_30d", "_90d", "_365d", "")]]
    assert counts.tolist() == [1, 2, 3, 3, 4]
    assert features[["phone__count_30d", "email__count_90d", "in__count", "out__count"]].tolist() == [2, 1, 1, 3]
    assert features[["all__days_since_last", "email__days_since_last"]].tolist() == [7.0, 60.0]
    assert features[["kind_second_call__count_7d", "result_unanswered__count_30d"]].tolist() == [1, 1]
    assert features[["all__hours_30d", "all__hours"]].tolist() == [0.5, 0.5]
    assert features["all__trend"] == 2.0  # 2 · (2 + 1) / (1 + 2)


def test_an_interaction_counts_from_when_it_was_recorded(ask):
    late = talk(1, "2024-01-05", recorded_at="2024-01-20")

    assert one(ask, "2024-01-20", late)["all__count"] == 0
    assert one(ask, "2024-01-21", late)["all__count_30d"] == 1
    assert one(ask, "2024-02-10", late)["all__count_30d"] == 0


def test_a_corrected_or_deleted_interaction_counts_as_known_then(ask):
    first = talk(1, "2024-01-05", channel="phone")
    corrected = talk(1, "2024-01-06", channel="email", recorded_at="2024-01-10")
    deleted = talk(1, "2024-01-06", channel="email", recorded_at="2024-01-20", deleted_at="2024-01-20")
    history = (first, corrected, deleted)

    features = [one(ask, day, *history) for day in ("2024-01-10", "2024-01-11", "2024-01-21")]
    assert [f["all__count"] for f in features] == [1, 1, 0]
    assert [f["phone__count"] for f in features] == [1, 0, 0]
    assert features[0]["all__days_since_last"] == 5.0
    assert features[1]["all__days_since_last"] == 5.0
    assert np.isnan(features[2]["all__days_since_last"])


def test_response_hours_go_from_each_inbound_to_the_next_outbound(ask):
    features = one(
        ask,
        "2024-02-01",
        talk(1, "2024-01-05 08:00", direction="in"),
        talk(2, "2024-01-05 09:00", direction="in"),
        talk(3, "2024-01-05 12:00", direction="out"),
        talk(4, "2024-01-06 00:00", direction="out"),
        talk(5, "2024-01-10 00:00", direction="in"),
        talk(6, "2024-01-11 04:00", direction="out"),
        talk(7, "2024-01-20 00:00", direction="in"),  # without an answer: no gap yet
    )

    assert features["in__response_hours_mean"] == pytest.approx((4 + 3 + 28) / 3)
    assert features["in__response_hours_median"] == 4.0
    assert features["out__unanswered_streak"] == 0


def test_response_hours_are_those_of_the_row_s_own_case(ask):
    second = DEAL | {"opportunity_id": "O2"}
    talks = [
        talk(1, "2024-01-05 08:00", direction="in"),
        talk(2, "2024-01-05 09:00", direction="out"),
        talk(3, "2024-01-05 08:00", direction="in", opportunity_id="O2"),
        talk(4, "2024-01-05 13:00", direction="out", opportunity_id="O2"),
        talk(5, "2024-01-25 08:00", direction="in", opportunity_id="O2"),
        talk(6, "2024-01-25 15:00", direction="out", opportunity_id="O2"),
    ]
    asked = [("O1", "2024-01-20"), ("O2", "2024-01-20"), ("O1", "2024-02-01"), ("O2", "2024-02-01")]

    features = ask("interactions", "opportunity", asked, opportunities=[DEAL, second], interactions=talks)

    features = features.set_index(["entity_id", "as_of"]).sort_index()
    assert features["interactions__in__response_hours_median"].tolist() == [1.0, 1.0, 5.0, 6.0]
    assert features["interactions__in__response_hours_mean"].tolist() == [1.0, 1.0, 5.0, 6.0]


def test_unanswered_streak_counts_outbound_since_the_last_answer(ask):
    talks = [
        talk(1, "2024-01-02", direction="out", result="unanswered"),
        talk(2, "2024-01-03", direction="in"),
        talk(3, "2024-01-04", direction="out", result="unanswered"),
        talk(4, "2024-01-05", direction="out"),
        talk(5, "2024-01-06", direction="out", result="answered"),
        talk(6, "2024-01-07", direction="out", result="unanswered"),
    ]

    streaks = [one(ask, day, *talks)["out__unanswered_streak"] for day in ("2024-01-03", "2024-01-06", "2024-01-08")]

    assert streaks == [1, 2, 1]


def recorded(n, at, **columns):
    """A call of another case that says what came of it: this company records it."""
    return talk(n, at, opportunity_id="O9", channel="phone", direction="out", result="answered", **columns)


def test_empty_contacts_do_not_count_where_others_say_what_came_of_them(ask):
    honest = [recorded(1000 + i, "2024-01-01") for i in range(100)]
    talks = [
        talk(1, "2024-01-10", channel="phone", direction="out", duration_s=60),
        talk(2, "2024-01-11", channel="email", direction="out", result="delivered"),
        talk(3, "2024-01-12", channel="phone", direction="out", result="Unanswered"),
        talk(4, "2024-01-13", channel="phone", direction="out", duration_s=0),
        talk(5, "2024-01-14", channel="other"),
        talk(6, "2024-01-09", channel="web", direction="in"),
    ]

    features = one(ask, "2024-01-20", *talks, *honest)

    assert features[["all__count", "phone__count", "email__count", "other__count", "in__count"]].tolist() == [
        *(3, 1, 1, 0, 1),
    ]
    assert features["all__days_since_last"] == 9.0


def test_empty_contacts_count_where_nobody_could_tell_them(ask):
    talks = [talk(n, "2024-01-10", direction="out", result="answered" if n == 1 else None) for n in range(1, 4)]
    careless = [talk(1000 + n, "2024-01-01", opportunity_id="O9", direction="out") for n in range(100)]
    few = [recorded(1000 + n, "2024-01-01") for n in range(95)]

    assert one(ask, "2024-01-20", *talks, *careless)["out__count"] == 3
    assert one(ask, "2024-01-20", *talks, *few)["out__count"] == 3


def test_an_empty_contact_counts_once_its_result_is_recorded(ask):
    honest = [recorded(1000 + i, "2024-01-01") for i in range(100)]
    logged = talk(1, "2024-01-10", direction="out", result="unanswered")
    corrected = logged | {"result": "answered", "recorded_at": "2024-01-15"}
    history = (logged, corrected, *honest)

    assert [one(ask, day, *history)["out__count"] for day in ("2024-01-12", "2024-01-16")] == [0, 1]


def test_empty_contacts_answer_nobody(ask):
    honest = [recorded(1000 + i, "2024-01-01") for i in range(100)]
    talks = [
        talk(1, "2024-01-10 08:00", direction="in"),
        talk(2, "2024-01-10 09:00", direction="out", result="unanswered"),
        talk(3, "2024-01-10 12:00", direction="out", result="answered"),
    ]

    assert one(ask, "2024-01-11", *talks, *honest)["in__response_hours_mean"] == 4.0
    assert one(ask, "2024-01-11", *talks)["in__response_hours_mean"] == 1.0


def test_unanswered_streak_ends_at_five(ask):
    talks = [talk(n, f"2024-01-{n:02}", direction="out", result="unanswered") for n in range(1, 21)]

    assert one(ask, "2024-02-01", *talks)["out__unanswered_streak"] == 5


def test_plans_are_planned_until_due_then_overdue_until_done(ask):
    planned = talk(1, "2024-01-10", due_at="2024-01-10", recorded_at="2024-01-02", direction="out")
    done = talk(1, "2024-01-14", due_at="2024-01-10", recorded_at="2024-01-14", result="answered", direction="out")
    meeting = talk(2, "2024-01-12", recorded_at="2024-01-02")  # no task: it just takes place
    columns = ["plan__planned", "plan__overdue", "all__count"]

    by_day = {
        day: one(ask, f"2024-01-{day}", planned, done, meeting)[columns].tolist() for day in ("05", "11", "13", "15")
    }

    assert by_day == {"05": [2, 0, 0], "11": [1, 1, 0], "13": [0, 1, 1], "15": [0, 0, 2]}
    assert one(ask, "2024-01-05", planned, done, meeting)["plan__days_to_next"] == 5.0


def test_interactions_of_the_lead_count_for_its_opportunity_once_known(ask):
    lead = {"lead_id": "L1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}
    converted = lead | {"opportunity_id": "O1", "converted_at": "2024-01-10", "recorded_at": "2024-01-10"}
    talks = [
        talk(1, "2024-01-05", opportunity_id=None, lead_id="L1"),
        talk(2, "2024-01-06", lead_id="L1"),  # names both: counted once
    ]

    counts = [one(ask, day, *talks, leads=[lead, converted])["all__count"] for day in ("2024-01-10", "2024-01-11")]

    assert counts == [1, 2]


def test_interactions_of_merged_entities_count_for_the_survivor_from_the_merge_on(ask):
    twin = {"opportunity_id": "O2", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}
    merged = twin | {"merged_into": "O1", "recorded_at": "2024-01-10"}
    features = ask(
        "interactions",
        "opportunity",
        [("O1", "2024-01-10"), ("O1", "2024-01-11")],
        opportunities=[DEAL, twin, merged],
        interactions=[talk(1, "2024-01-05", opportunity_id="O2"), talk(2, "2024-01-06")],
    )

    assert features["interactions__all__count"].tolist() == [1, 2]


def test_interactions_with_the_account_are_features_of_their_own(ask):
    features = one(
        ask,
        "2024-02-01",
        talk(1, "2024-01-20", account_id="A1", direction="in"),
        talk(2, "2024-01-29", account_id="A1", direction="out", opportunity_id="O9"),
        talk(3, "2024-01-30", account_id="A7", opportunity_id="O9"),
    )

    assert features[["account__count_7d", "account__count_30d", "account_in__count", "all__count"]].tolist() == [
        1,
        2,
        1,
        1,
    ]
    assert features["account__days_since_last"] == 3.0


def test_a_lead_has_its_own_interactions(ask):
    lead = {"lead_id": "L1", "created_at": "2024-01-01", "recorded_at": "2024-01-01"}
    talks = [talk(1, "2024-01-05", lead_id="L1"), talk(2, "2024-01-05", lead_id="L2")]

    features = ask("interactions", "lead", [("L1", "2024-01-10")], leads=[lead], interactions=talks)

    assert features["interactions__all__count"].tolist() == [1]
