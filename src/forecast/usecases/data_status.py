"""How data came in: the last commit of each source, and the rows that were rejected, with their reasons."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from forecast.schema import TABLES

COUNTS = ("read", "new", "changed", "unchanged", "quarantined")

#: What stands for a value that a reader may not see.
MASKED = "•••"

_VALUE = re.compile(r"'[^']*'|(?<!\w)-?\d[\w:.,+-]*(?: \d[\d:.]*)?")


def source_status(commits: pd.DataFrame, tried: Mapping[str, Any]) -> pd.DataFrame:
    """The last commit of every source and mapping.

    Parameters
    ----------
    commits : DataFrame
        From `forecast.adapters.lake.DeltaLake.commits`.
    tried : mapping of mapping name to moment
        When each was read last, also without anything new; may be empty.

    Returns
    -------
    DataFrame
        ``source``, ``mapping``, ``batch`` and ``committed_at`` of the last commit, ``refused`` (only the quarantine
        was kept), ``n_batches``, ``tried_at`` (missing where it was never noted), the sums of `COUNTS` over its tables,
        and ``tables``: a list of dicts with ``table`` and the counts. The latest first.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for commit in commits.sort_values("batch").to_dict("records"):
        summary = commit["summary"]
        name = str(summary.get("mapping") or summary.get("source") or "")
        key = (str(summary.get("source") or ""), name)
        counts = summary.get("counts") or {}
        tables = [
            {"table": table, **{count: int(found.get(count, 0)) for count in COUNTS}} for table, found in counts.items()
        ]
        rows[key] = {
            "source": key[0],
            "mapping": name,
            "batch": int(commit["batch"]),
            "committed_at": commit["committed_at"],
            "refused": bool(summary.get("refused", False)),
            "n_batches": rows[key]["n_batches"] + 1 if key in rows else 1,
            "tried_at": tried.get(name),
            **{count: sum(table[count] for table in tables) for count in COUNTS},
            "tables": tables,
        }
    columns = ["source", "mapping", "batch", "committed_at", "refused", "n_batches", "tried_at", *COUNTS, "tables"]
    found = pd.DataFrame(list(rows.values()), columns=columns)
    return found.sort_values("batch", ascending=False, ignore_index=True)


def quarantine_reasons(waiting: pd.DataFrame) -> pd.DataFrame:
    """How many rejected rows share a rule: ``mapping``, ``source``, ``table_name``, ``rule``, ``n``; most first.

    ``rule`` is the reason without the value that broke it, so that a thousand wrong dates are one line.
    """
    rules = waiting["reason"].astype(str).map(rule_of)
    keys = ["mapping", "source", "table_name", "rule"]
    counted = waiting.assign(rule=rules).groupby(keys, dropna=False).size().reset_index(name="n")
    return counted.sort_values(["n", *keys], ascending=[False, True, True, True, True], ignore_index=True)


def rule_of(reason: str) -> str:
    """A reason without values.

    Examples
    --------
    >>> rule_of("created_at: '31/12/2025' is no ISO time; correct it")
    'created_at: … is no ISO time; correct it'
    """
    rule, separator, remedy = reason.partition(";")
    return _VALUE.sub("…", rule) + separator + remedy


def masked_rows(waiting: pd.DataFrame, personal: Mapping[str, Collection[str]] | None) -> pd.DataFrame:
    """Rejected rows without what belongs to persons.

    Parameters
    ----------
    waiting : DataFrame
        With ``table_name``, ``reason`` and ``content``.
    personal : mapping of table to its personal columns beside the schema's, or None
        None where the mapping is not known: then only the columns of the schema are shown that are not personal.

    Returns
    -------
    DataFrame
        ``content`` as dicts, and ``reason`` without its value where that belongs to a person.
    """
    rows = []
    for row in waiting.to_dict("records"):
        table, content = TABLES[row["table_name"]], json.loads(row["content"])
        hidden = {*table.personal, *(personal or {}).get(table.name, ())}
        if personal is None:
            hidden |= set(content) - {*table.by_name, "recorded_at"}
        shown = {name: MASKED if name in hidden and value is not None else value for name, value in content.items()}
        is_told = any(
            value is not None and str(value) and str(value) in row["reason"]
            for name, value in content.items()
            if name in hidden
        )
        rows.append(row | {"content": shown, "reason": rule_of(row["reason"]) if is_told else row["reason"]})
    return pd.DataFrame(rows, columns=list(waiting.columns), index=waiting.index)
