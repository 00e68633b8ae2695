"""What the card says of a model: praise only for what is shown."""

import numpy as np
import pandas as pd
from scipy.special import expit

from forecast.evaluation.evaluate import evaluate
from training.evidence import Evidence, evidence_of

RNG = np.random.default_rng(0)
N = 800
Z = RNG.normal(-1, 1.2, N)
Y = (RNG.random(N) < expit(Z)).astype(float)
ENTITY = np.arange(N) // 2
JUDGED = pd.DataFrame(
    {
        "entity_id": ENTITY.astype(str),
        "as_of": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(N) // 4, unit="D"),
        "calendar__age_days": RNG.exponential(40, N),
        "stage__current": RNG.choice(["new", "quoted"], N),
        "attributes__channel": None,
    }
)


def evidence(p: np.ndarray, model: str = "challenger", **changes: object) -> Evidence:
    said = {"group_rate": np.full(N, Y.mean()), "challenger": p}
    return evidence_of(
        Y,
        said,
        JUDGED,
        evaluate(Y, said, clusters=ENTITY),
        model=model,
        baseline="group_rate",
        title="leads",
        **changes,
    )


def test_a_model_that_knows_more_is_said_to() -> None:
    first, second, third = evidence(expit(Z)).findings()

    assert first.startswith("It knows more than the group rate: log loss -0.")
    assert second.endswith("no sign of miscalibration.")
    assert third.startswith("In none of ")


def test_noise_is_not_praised_for_its_ranking() -> None:
    noise = expit(np.random.default_rng(1).normal(-1, 1, N))

    first, second, *_ = evidence(noise).findings()

    assert first.startswith("It is not shown to know more than the group rate: log loss +0.")
    assert "Its ranking is no merit then: AUC 0.493 (95 %: 0.452 to 0.534), the group rate's 0.500." in first
    assert second.endswith("more than chance: probabilities and rates differ.")


def test_a_model_that_uses_the_future_is_not_praised_though_it_is_perfect() -> None:
    (only,) = evidence(np.where(Y == 1, 0.99, 0.01), leaking=("stage__current",)).findings()

    assert only == ("Its features use the future (stage__current): no number here says anything about how good it is.")


def test_group_rate_is_not_compared_with_itself() -> None:
    findings = evidence(expit(Z), model="group_rate").findings()

    assert findings[0].startswith("Calibration error 0.000")


def test_groups_that_differ_are_named_with_their_rates() -> None:
    shifted = np.where(JUDGED["stage__current"] == "new", expit(Z), expit(Z + 1.5))

    *_, groups = evidence(shifted).findings()

    assert groups.startswith("Groups in which wins differ from what was said, of ")
    assert "stage quoted: " in groups
    assert "fewer than expected" in groups


def test_artifacts_are_a_table_per_way_to_group_and_the_pictures() -> None:
    made = evidence(expit(Z)).artifacts()

    # A segment whose values are all alike says nothing beyond the total.
    assert {name for name in made if name.startswith("by_")} == {"by_age.csv", "by_month.csv", "by_stage.csv"}
    assert made["by_stage.csv"].decode().splitlines()[1].startswith("new,")
    assert {name for name in made if name.endswith(".png")} == {
        "decision.png", "gains.png", "months.png", "reliability.png",
    }  # fmt: skip
