"""What the form of the Targets page asks for, read from its address: the same address gives the same proposal."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from forecast.errors import InvalidInput
from forecast.targets.constraints import EVERYBODY, Constraint, Stated
from forecast.usecases.plan_targets import Wish

#: Constraints on one person or team that the form has a field for, named ``floor:U3``.
OWN: tuple[Stated, ...] = ("fixed", "floor", "ceiling")
#: Constraints on everybody, in percent.
OF_ALL: tuple[Stated, ...] = ("min_change", "max_change")


@dataclass(frozen=True)
class Asked:
    """A wish and what the form shows again.

    Attributes
    ----------
    wish : Wish
        With the person whose target is tried out fixed to that amount.
    before : Wish
        Without that.
    owner, amount : str and float
        Who is tried out, and at what; None for nobody.
    values : mapping of field to text
        As they were sent, only those that say something.
    """

    wish: Wish
    before: Wish
    owner: str | None = None
    amount: float | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """What a field says, empty text for nothing."""
        return self.values.get(name, "")

    @property
    def n_own(self) -> int:
        """How many fields of single people say something."""
        return sum(name.partition(":")[0] in OWN for name in self.values)


def read_wish(query: Mapping[str, str]) -> Asked:
    """The wish of a form.

    Raises
    ------
    InvalidInput
        If a field is no number.
    """
    values = {name: text.strip() for name, text in query.items() if _is_field(name) and text.strip()}
    ramp = _number(values, "ramp_months")
    total, owner, amount = _number(values, "company_target"), values.get("owner"), _number(values, "amount")
    constraints = tuple(_constraints(values))
    before = Wish(total, constraints, "revenue", "skill" in values, ramp, "adjust" in values)
    if owner is None or amount is None:
        return Asked(before, before, values=values)
    others = tuple(one for one in constraints if one.owner != owner)
    wish = Wish(total, (*others, Constraint(owner, "fixed", amount)), "revenue", before.skill, ramp, before.adjust)
    return Asked(wish, before, owner, amount, values)


def _is_field(name: str) -> bool:
    plain = ("company_target", "owner", "amount", "ramp_months", "skill", "adjust", *OF_ALL)
    return name in plain or name.partition(":")[0] in OWN


def _constraints(values: Mapping[str, str]) -> Iterator[Constraint]:
    for kind in OWN:
        for name in values:
            stated, _, owner = name.partition(":")
            if stated == kind and owner:
                yield Constraint(owner, kind, _number(values, name) or 0.0)
    for kind in OF_ALL:
        share = _number(values, kind)
        if share is not None:
            yield Constraint(EVERYBODY, kind, share / 100)


def _number(values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < 1e14:
        raise InvalidInput(f"`{name}` must be a number below 1e14, got {text[:40]!r}.")
    return number
