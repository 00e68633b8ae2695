"""Constraints as people state them, and the rules on amounts that they come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from forecast.errors import InvalidInput
from forecast.targets.rules import Kind, Rule
from forecast.targets.units import amount_text, as_units, digits_of

Stated = Literal["fixed", "floor", "ceiling", "min_change", "max_change", "ramp"]
STATED: tuple[Stated, ...] = get_args(Stated)

#: A constraint on this name is one on each person.
EVERYBODY = "*"

_BY_NAME: dict[str, Stated] = {kind: kind for kind in STATED}

_AS_RULE: dict[Stated, Kind] = {
    "fixed": "fixed", "floor": "floor", "ceiling": "ceiling", "ramp": "ramp",
    "min_change": "floor", "max_change": "ceiling",
}  # fmt: skip


@dataclass(frozen=True)
class Constraint:
    """What somebody wants of a target.

    Attributes
    ----------
    owner : str
        A person, a team (not for ``ramp``), or ``*`` for every person.
    kind : {"fixed", "floor", "ceiling", "min_change", "max_change", "ramp"}
        An amount; a change against the last target as a share (0.1 is 10 % more); or a factor.
    value : float
    """

    owner: str
    kind: Stated
    value: float

    def __post_init__(self) -> None:
        _stated(self.kind)


def _stated(kind: str) -> Stated:
    """The kind of that name."""
    if kind not in _BY_NAME:
        raise InvalidInput(f"A constraint must be one of {', '.join(STATED)}, got {kind!r}.")
    return _BY_NAME[kind]


def read_constraints(rows: Sequence[Mapping[str, object]]) -> list[Constraint]:
    """Constraints from a table with ``owner_id`` and a column for each kind; empty cells are none.

    Raises
    ------
    InvalidInput
        If a column is unknown or a value is no number.
    """
    found = []
    for number, row in enumerate(rows, start=1):
        owner = row.get("owner_id")
        if not owner:
            raise InvalidInput(f"Constraint {number} has no `owner_id`; columns are owner_id, {', '.join(STATED)}.")
        for kind, value in row.items():
            if kind == "owner_id" or value is None or value == "" or value != value:
                continue
            try:
                found.append(Constraint(str(owner), _stated(kind), float(str(value))))
            except (TypeError, ValueError):
                raise InvalidInput(f"{kind} of {owner} must be a number, got {value!r}.") from None
    return found


def parse_constraint(text: str) -> Constraint:
    """A constraint written as ``kind:owner=number``, such as ``floor:U3=80000``.

    Raises
    ------
    InvalidInput
        If it is not of this form.
    """
    kind, _, rest = text.partition(":")
    owner, _, value = rest.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        owner = ""
    if kind not in STATED or not owner:
        raise InvalidInput(f"A constraint must look like floor:U3=80000, with {', '.join(STATED)}; got {text!r}.")
    return Constraint(owner, kind, number)


def state_rules(
    constraints: Sequence[Constraint], people: Sequence[str], last: Mapping[str, float], currency: str
) -> tuple[list[Rule], tuple[str, ...]]:
    """Rules on amounts, and who has no last target that a change could be of: these constraints count for nothing.

    Parameters
    ----------
    constraints : sequence of Constraint
        One on a name is used before one of the same kind on ``*``.
    people : sequence of str
        Whom ``*`` means.
    last : mapping of owner (person or team) to amount
        Last targets.
    """
    named = {(constraint.owner, constraint.kind) for constraint in constraints}
    single = [
        Constraint(owner, constraint.kind, constraint.value)
        for constraint in constraints
        for owner in (people if constraint.owner == EVERYBODY else [constraint.owner])
        if constraint.owner != EVERYBODY or (owner, constraint.kind) not in named
    ]
    without = tuple(sorted({one.owner for one in single if _is_change(one) and one.owner not in last}))
    return [_rule(one, last, currency) for one in single if not (_is_change(one) and one.owner in without)], without


def _is_change(constraint: Constraint) -> bool:
    return constraint.kind in ("min_change", "max_change")


def _rule(constraint: Constraint, last: Mapping[str, float], currency: str) -> Rule:
    kind = _AS_RULE[constraint.kind]
    if not _is_change(constraint):
        return Rule(kind, constraint.owner, constraint.value)
    before = last[constraint.owner]
    amount = round(before * (1 + constraint.value), digits_of(currency))
    note = f"{constraint.value:+.1%} on {amount_text(int(as_units(before, currency)), currency)}"
    return Rule(kind, constraint.owner, amount, note)


def ramp_factor(months_there: float, ramp_months: float) -> float:
    """A newcomer's part of a full target: months there over the months that it takes, at least one twelfth.

    Parameters
    ----------
    months_there : float
        From the first day to the middle of the period.
    ramp_months : float
        After so many months a person carries a full target.
    """
    if not ramp_months > 0:
        raise InvalidInput(f"`ramp_months` must be above 0, got {ramp_months}.")
    return float(min(max(months_there / ramp_months, 1 / 12), 1.0))
