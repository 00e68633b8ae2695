"""What lists show beside a score: stage, amount, names, and the score about a week before."""

from datetime import datetime, timedelta

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force, sql_moment
from forecast.ports import Lake
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.expected_value import expected_value

#: Facts of a row, beside the columns of its score.
FACTS = (
    "account_id", "title", "account_name", "stage", "amount", "currency", "amount_reporting", "expected_value",
    "created_at", "expected_close_date",
)  # fmt: skip

#: The trend: an earlier score of the same model, for another model's is no change of the case.
PREVIOUS = ("previous_probability", "previous_as_of")

#: The earlier score is the last one that is at least so old; half a day less than a week, for nights begin at any hour.
_WEEK = timedelta(days=6, hours=12)

#: An earlier score that is older says nothing about the last week.
_FORTNIGHT = timedelta(days=14)

#: What exports call the company of a lead that has no account yet.
_COMPANY = ("Company", "company", "Company Name", "company_name", "公司", "公司名称", "企业名称", "客户名称")
_COMPANY_NAME = "coalesce({})".format(
    ", ".join(f"json_extract_string(attributes, '$.\"{name}\"')" for name in _COMPANY)
)

_COLUMNS = {
    "lead": f"{_COMPANY_NAME} AS title, status AS stage, NULL::DOUBLE AS amount, NULL::VARCHAR AS currency, "
    "NULL::DATE AS expected_close_date",
    "opportunity": "name AS title, stage, amount::DOUBLE AS amount, currency, expected_close_date",
}


def with_facts(
    con: DuckDBPyConnection, scores: pd.DataFrame, entity: str, settings: Settings, as_of: datetime
) -> pd.DataFrame:
    """Scores of one kind of entity with what lists show of each, as known at ``as_of``; no person's name.

    Parameters
    ----------
    con : DuckDB connection
        Of a lake.
    scores : DataFrame
        ``entity_id`` and ``probability`` at least.

    Returns
    -------
    DataFrame
        The rows of ``scores`` with `FACTS`: ``title`` is the opportunity's name or the lead's company, or the
        account's name where there is none; ``amount_reporting`` and ``expected_value`` are in the reporting currency,
        missing without a rate.
    """
    table, key = SCORED_ENTITIES[entity]
    con.register("_asked", scores[["entity_id"]].astype(str))
    facts = con.sql(
        f"""
        WITH asked AS (
            SELECT {key} AS entity_id, account_id, created_at, {_COLUMNS[entity]}
            FROM {in_force(table, as_of)} WHERE {key} IN (SELECT entity_id FROM _asked)
        ), names AS (
            SELECT alias_id, any_value(name) AS account_name FROM accounts_aliases AS alias
            JOIN {in_force("accounts", as_of)} AS account ON account.account_id = alias.survivor_id
            WHERE alias.known_from < {sql_moment(as_of)} AND alias_id IN (SELECT account_id FROM asked)
            GROUP BY alias_id
        )
        SELECT asked.* REPLACE (coalesce(title, account_name) AS title), account_name
        FROM asked LEFT JOIN names ON alias_id = account_id
        """
    ).df()
    rates = con.sql(f"SELECT currency, date, rate::DOUBLE AS rate FROM {in_force('fx_rates', as_of)}").df()
    con.unregister("_asked")
    rows = scores.merge(facts, on="entity_id", how="left", validate="one_to_one")
    currency = settings.reporting_currency
    sure = rows.assign(probability=1.0)
    rows["amount_reporting"] = expected_value(sure, rates, reporting_currency=currency, as_of=as_of)
    rows["expected_value"] = expected_value(rows, rates, reporting_currency=currency, as_of=as_of)
    rows["created_at"] = rows["created_at"].astype("datetime64[us]").dt.tz_localize("UTC")
    rows["expected_close_date"] = pd.to_datetime(rows["expected_close_date"]).dt.date
    return rows[[*scores.columns, *FACTS]]


def with_previous(lake: Lake, scores: pd.DataFrame, entity: str) -> pd.DataFrame:
    """Scores of one kind and one moment with `PREVIOUS`: what the same model said of each about a week before."""
    if scores.empty:
        return scores.reindex(columns=[*scores.columns, *PREVIOUS])
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    earlier = lake.last_scores(entity, str(scores["model_version"].iloc[0]), as_of - _FORTNIGHT, as_of - _WEEK)
    earlier = earlier.rename(columns={"probability": "previous_probability", "as_of": "previous_as_of"})
    return scores.merge(earlier, on="entity_id", how="left", validate="one_to_one")
