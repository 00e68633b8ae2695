"""The order of the stages: as a mapping declares it, the others where deals went through them."""

from collections.abc import Sequence

import pandas as pd


def stage_order(visits: pd.DataFrame, declared: Sequence[str] = ()) -> tuple[str, ...]:
    """Every stage that occurs, first to last.

    Declared stages keep their order. Another one stands before the first declared stage that most deals with both
    reached later. Without a declaration the order follows from who came first: stages are ranked by the mean share of
    the other stages before which deals reached them (Borda's count), ties by name.

    Parameters
    ----------
    visits : DataFrame
        ``case_id``, ``stage``, ``entered``.
    declared : sequence of str
        Stages that do not occur are left out.
    """
    seen = sorted(visits["stage"].unique())
    known = [stage for stage in dict.fromkeys(declared) if stage in seen]
    others = [stage for stage in seen if stage not in known]
    if not others:
        return tuple(known)
    ahead = _shares_ahead(visits, seen)
    rank = ahead.mean(axis=1)  # how often it comes before another, given that a deal reached both
    others.sort(key=lambda stage: (-rank[stage], stage))
    order = known
    for stage in others if known else []:
        later = [place for place, other in enumerate(order) if ahead.loc[stage, other] > 0.5]
        order = [*order[: later[0]], stage, *order[later[0] :]] if later else [*order, stage]
    return tuple(order or others)


def _shares_ahead(visits: pd.DataFrame, stages: Sequence[str]) -> pd.DataFrame:
    """Share of the deals with both stages that reached the row's before the column's; one half where there is none."""
    first = visits.pivot_table(values="entered", index="case_id", columns="stage", aggfunc="min")[list(stages)]
    table = pd.DataFrame(0.5, index=list(stages), columns=list(stages))
    for stage in stages:
        both = first.notna() & first[[stage]].notna().to_numpy()
        n = both.sum()
        earlier = (first.gt(first[stage], axis=0) & both).sum()
        table.loc[stage] = (earlier / n.where(n > 0)).fillna(0.5)
        table.loc[stage, stage] = 0.5
    return table
