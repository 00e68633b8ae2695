from pathlib import Path

import pytest

from forecast.adapters.model_specs import load_model_spec
from forecast.conversion import ConversionModel
from forecast.errors import InvalidInput, UnknownModel


@pytest.mark.parametrize("entity", ["lead", "opportunity"])
def test_conversion_models_are_specified(entity: str) -> None:
    spec = load_model_spec(f"conversion_{entity}")

    assert (spec.name, spec.task, spec.entity, spec.features) == (f"conversion_{entity}", "conversion", entity, None)
    ConversionModel(**spec.parameters)  # knows every parameter
    assert spec.gate["margin"] == 0.001


def test_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModel, match=r"no models/oracle/model\.yaml; there are .*conversion_lead"):
        load_model_spec("oracle")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "is not valid YAML"),
        ("- a", "must be a mapping with at least `name` and `task`"),
        ("name: other\ntask: conversion", "`name` must be that of its folder, 'mine', got 'other'"),
        ("name: mine\ntask: conversion\nspeed: 3", r"\['speed'\] are unknown"),
    ],
)
def test_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.yaml").write_text(text)

    with pytest.raises(InvalidInput, match=message):
        load_model_spec("mine", (tmp_path,))
