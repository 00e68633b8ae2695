"""Mappings that rows came by: kept so that rejected rows can be tried again without the export they came from."""

from pathlib import Path
from typing import Any

import yaml

from forecast.errors import InvalidInput
from forecast.mapping.spec import MappingSpec, parse_mapping


class KeptMappings:
    """One file per mapping, without its inputs: an address of a database may hold a password.

    Parameters
    ----------
    folder : path
        Made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, mapping: Path) -> None:
        """Keep a mapping file under its name, in place of an earlier one; one that cannot be read is left out."""
        try:
            document: Any = yaml.safe_load(mapping.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return
        if not isinstance(document, dict) or not isinstance(document.get("inputs"), dict):
            return
        document["inputs"] = {name: {"file": "kept without its inputs"} for name in document["inputs"]}
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{mapping.name}"
        draft.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
        draft.replace(self._folder / mapping.name)

    def load(self, name: str) -> MappingSpec:
        """The mapping that was kept under a name.

        Raises
        ------
        InvalidInput
            If there is none.
        """
        file = self._folder / name
        if Path(name).name != name or not file.is_file():
            raise InvalidInput(
                f"The mapping {name!r} is not kept in this workspace; run `forecast ingest MAPPING.yaml --retry` once."
            )
        return parse_mapping(file.read_text(encoding="utf-8"), name)

    def personal(self, name: str) -> dict[str, tuple[str, ...]] | None:
        """Columns that a mapping declares personal, by table; None when it is not kept."""
        try:
            return dict(self.load(name).personal)
        except InvalidInput:
            return None
