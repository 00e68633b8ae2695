"""Constraints on targets from a file that a manager keeps: YAML or CSV."""

import csv
from pathlib import Path

import yaml

from forecast.errors import InvalidInput
from forecast.targets.constraints import Constraint, read_constraints


def load_constraints(path: Path) -> list[Constraint]:
    """Read a table of constraints.

    A CSV file has a column ``owner_id`` and any of ``fixed``, ``floor``, ``ceiling``, ``min_change``, ``max_change``
    and ``ramp``; a YAML file maps each owner to the same names. ``*`` is every person.

    Raises
    ------
    InvalidInput
        If the file is not there, is no such table, or a value is no number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix.lower() == ".csv":
        return read_constraints(list(csv.DictReader(text.splitlines())))
    try:
        mapping = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(mapping, dict) or not all(isinstance(one, dict) for one in mapping.values()):
        raise InvalidInput(f"{path} must map each owner to its constraints, as in `U3: {{floor: 80000}}`.")
    return read_constraints([{"owner_id": str(owner)} | one for owner, one in mapping.items()])
