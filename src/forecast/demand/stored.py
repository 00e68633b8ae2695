"""A trained forecaster as files, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forecast.demand.combination import Combination
from forecast.demand.errors import ErrorModel
from forecast.demand.inputs import Categories
from forecast.demand.members import MemberPool
from forecast.demand.repair import Repair
from forecast.errors import InvalidInput

_STATE = "forecaster.json"


@dataclass(frozen=True)
class Trained:
    """All that was learned, without the history; attributes as `DemandForecaster` names them."""

    parameters: dict[str, Any]
    combination: Combination
    errors: ErrorModel
    categories: Categories
    n_series: int
    repairs: tuple[Repair, ...]


def to_files(trained: Trained, pool: MemberPool) -> dict[str, bytes]:
    """``forecaster.json`` and one text file per global member."""
    state = {
        "parameters": trained.parameters,
        "members": list(pool.names),
        "combination": trained.combination.to_dict(),
        "errors": trained.errors.to_dict(),
        "categories": {name: list(values) for name, values in trained.categories.items()},
        "n_series": trained.n_series,
        "repairs": [asdict(repair) for repair in trained.repairs],
        "global": {name: model.to_dict() for name, model in pool.models_.items()},
    }
    files = {_STATE: json.dumps(state, sort_keys=True, indent=1).encode()}
    return files | {f"{name}.txt": model.booster_.model_to_string().encode() for name, model in pool.models_.items()}


def read_trained(files: Mapping[str, bytes]) -> tuple[Trained, tuple[str, ...]]:
    """What `to_files` wrote, and the names of the members; the members themselves by `read_members`.

    Raises
    ------
    InvalidInput
        If the files were written by an earlier form of the forecaster.
    """
    state = json.loads(files[_STATE])
    if "combination" not in state:
        raise InvalidInput("This demand model was stored in an earlier form; train again with `forecast train demand`.")
    trained = Trained(
        {
            **state["parameters"],
            "quantiles": tuple(state["parameters"]["quantiles"]),
            "past_only": tuple(state["parameters"].get("past_only", ())),
        },
        Combination.from_dict(state["combination"]),
        ErrorModel.from_dict(state["errors"]),
        {name: tuple(values) for name, values in state["categories"].items()},
        state["n_series"],
        tuple(Repair(**repair) for repair in state.get("repairs", [])),
    )
    return trained, tuple(state["members"])


def read_members(pool: MemberPool, files: Mapping[str, bytes]) -> None:
    """Give an unfitted pool the global members that were stored."""
    import lightgbm as lgb

    pool.models_ = {}
    for name, stored in json.loads(files[_STATE])["global"].items():
        model = pool.models_[name] = pool.global_model(name)
        model.booster_ = lgb.Booster(model_str=files[f"{name}.txt"].decode())
        model.read_dict(stored)
