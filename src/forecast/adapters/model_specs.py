"""``models/<name>/model.yaml``: what a registered model is trained from, with which parameters, through which gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from forecast.errors import InvalidInput, UnknownModel

#: In an installed package beside the code, in the repository at its top.
_FOLDERS = (Path(__file__).parents[1] / "models", Path(__file__).parents[3] / "models")


@dataclass(frozen=True)
class ModelSpec:
    """One registered model. ``features`` is None for all families."""

    name: str
    task: str
    entity: str | None = None
    features: tuple[str, ...] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, float] = field(default_factory=dict)


def load_model_spec(name: str, folders: tuple[Path, ...] = _FOLDERS) -> ModelSpec:
    """The specification of a registered model.

    Raises
    ------
    UnknownModel
        If there is none of that name; the message lists the names there are.
    InvalidInput
        If the file is not of the expected form.
    """
    for folder in folders:
        file = folder / name / "model.yaml"
        if file.is_file():
            return _parse(file)
    known = sorted({file.parent.name for folder in folders for file in folder.glob("*/model.yaml")})
    raise UnknownModel(f"There is no models/{name}/model.yaml; there are {known}.")


def _parse(file: Path) -> ModelSpec:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InvalidInput(f"{file} is not valid YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(content, dict) or not {"name", "task"} <= set(content):
        raise InvalidInput(f"{file} must be a mapping with at least `name` and `task`.")
    unknown = sorted(set(content) - set(ModelSpec.__dataclass_fields__))
    if unknown:
        raise InvalidInput(f"{file}: {unknown} are unknown; there are {list(ModelSpec.__dataclass_fields__)}.")
    if content["name"] != file.parent.name:
        raise InvalidInput(f"{file}: `name` must be that of its folder, {file.parent.name!r}, got {content['name']!r}.")
    families = content.get("features", "all")
    return ModelSpec(**(content | {"features": None if families == "all" else tuple(families)}))
