"""Real sets on which outlooks are judged, each as a mapping for a workspace: whose revenue, of which periods."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAPPINGS = Path(__file__).parents[1] / "src" / "forecast" / "datasets" / "mappings"


@dataclass(frozen=True)
class OutlookSet:
    """One set.

    Attributes
    ----------
    kind : {"week", "month"}
    n_folds : int
        Periods that are forecast, each at its beginning.
    as_of : str
        What was known then counts as what came.
    levels : dict of level to str
        What the levels of the outlook are here.
    settings : dict
        Of the workspace.
    unit : str
        Of the amounts.
    """

    name: str
    title: str
    kind: str
    n_folds: int
    as_of: str
    levels: dict[str, str]
    unit: str
    folder: str
    settings: dict[str, Any] = field(default_factory=dict)

    def mapping(self, data: Path) -> dict[str, Any]:
        """The mapping as a document."""
        return {
            "loan-applications": _loans,
            "loan-applications-first": _loans_first,
            "crm-sales-opportunities": _crm,
            "online-retail": _retail,
            "m5": _m5,
        }[self.name]()


SETS = {
    one.name: one
    for one in (
        OutlookSet(
            "loan-applications",
            "weekly accepted amount by group of employees and employee",
            "week",
            6,
            "2012-01-01",
            {"company": "all", "team": "group", "rep": "employee"},
            "EUR",
            "loan-applications",
            {"timezone": "Europe/Amsterdam", "conversion_horizon_days": 30, "horizons_days": (7, 14, 30)},
        ),
        OutlookSet(
            "loan-applications-first",
            "weekly accepted amount by group and employee who first took the application up",
            "week",
            6,
            "2012-01-01",
            {"company": "all", "team": "group", "rep": "employee"},
            "EUR",
            "loan-applications",
            {"timezone": "Europe/Amsterdam", "conversion_horizon_days": 30, "horizons_days": (7, 14, 30)},
        ),
        OutlookSet(
            "crm-sales-opportunities",
            "monthly sales by region, team and agent",
            "month",
            7,
            "2018-01-01",
            {"company": "all", "region": "region", "team": "team", "rep": "agent"},
            "USD",
            "crm-sales-opportunities",
            {"timezone": "America/New_York", "reporting_currency": "USD"},
        ),
        OutlookSet(
            "online-retail",
            "weekly revenue by country",
            "week",
            12,
            "2011-12-06",
            {"company": "all", "rep": "country"},
            "GBP",
            "online-retail",
            {"timezone": "Europe/London", "reporting_currency": "GBP", "revenue_from": "orders"},
        ),
        OutlookSet(
            "m5",
            "monthly units by store and by department of a store",
            "month",
            8,
            "2016-05-02",
            {"company": "all", "team": "store", "rep": "department"},
            "units",
            "m5",
            {"timezone": "America/Chicago", "reporting_currency": "USD", "revenue_from": "orders"},
        ),
    )
}


def _bundled(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((MAPPINGS / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def _loans() -> dict[str, Any]:
    """Employees are grouped by the kind of work that they did most in October, before the first forecast."""
    document = _bundled("loan-applications")
    del document["tables"]["interactions"]
    document["tables"]["users"] = """
        with work as (
          select "org:resource" as user_id, "concept:name" as what, count(*) as n from events
          where "time:timestamp" < timestamp '2011-10-31' and "concept:name" like 'W_%'
            and "lifecycle:transition" = 'COMPLETE' group by all
        ), most as (
          select user_id, max_by(what, (n, what)) as what from work group by user_id
        )
        select "org:resource" as user_id,
          case any_value(what) when 'W_Valideren aanvraag' then 'validate' when 'W_Nabellen offertes' then 'call'
            when 'W_Completeren aanvraag' then 'complete' when 'W_Afhandelen leads' then 'leads' else 'other' end
            as team_id,
          if("org:resource" = '112', 'automatic', 'employee') as role, min("time:timestamp") as recorded_at
        from events left join most on user_id = "org:resource" where "org:resource" is not null
        group by "org:resource"
    """
    return document


def _loans_first() -> dict[str, Any]:
    """The same, but an application stays with the employee who first took it up: nobody hands anything over."""
    document = _loans()
    last = "last_value(employee ignore nulls) over so_far as owner_id"
    assert last in document["tables"]["opportunities"]
    deals = document["tables"]["opportunities"].replace(last, last.replace("last_value", "first_value"))
    document["tables"]["opportunities"] = deals
    return document


def _crm() -> dict[str, Any]:
    return _bundled("crm-sales-opportunities")


def _retail() -> dict[str, Any]:
    """Who owns an invoice is its country; an invoice is one line of its amount."""
    document = _bundled("online-retail")
    document["tables"] = {
        "users": "select distinct Country as user_id, timestamp '2010-12-01' as recorded_at from transactions",
        "orders": document["tables"]["orders"].replace("min(Country) as region", "min(Country) as user_id"),
        "order_lines": """
            select InvoiceNo as order_id, 1 as line, sign(sum(Quantity * UnitPrice)) as quantity,
              abs(sum(Quantity * UnitPrice)) as unit_price
            from transactions where InvoiceNo not like 'A%' group by InvoiceNo
            having abs(sum(Quantity * UnitPrice)) > 0
        """,
    }
    document["at_creation"] = {}
    return document


def _m5() -> dict[str, Any]:
    """Units of a day are an order of that many at 1. Before March 2015 only months are known: spread over days."""
    daily = """
        with days as (
          select store_id, dept_id, d, sum(quantity) as quantity
          from (unpivot sales on columns('d_\\d+') into name d value quantity) group by all
        )
        select store_id, store_id || '/' || dept_id as user_id, date::date as day, quantity::double as quantity
        from days join calendar using (d)
    """
    monthly = """
        with months as (
          select id, strptime(month, '%Y-%m')::date as first, quantity
          from (unpivot months_wide on columns('\\d+-\\d+') into name month value quantity)
          where month between '2013-01' and '2015-03'
        ), sums as (
          select s.store_id, s.store_id || '/' || s.dept_id as user_id, first, sum(m.quantity) as quantity
          from months m join sales s on s.id = m.id group by all
        ), known as (
          select *, if(first = date '2015-03-01', date '2015-03-02', last_day(first)) as last from sums
        ), rest as (
          select known.* replace (if(first = date '2015-03-01',
            known.quantity - coalesce((select sum(d.quantity) from daily d where d.user_id = known.user_id
              and d.day between date '2015-03-03' and date '2015-03-31'), 0), known.quantity) as quantity)
          from known
        )
        select store_id, user_id, unnest(generate_series(first, last, interval 1 day))::date as day,
          greatest(quantity, 0) / (last - first + 1) as quantity
        from rest
    """
    rows = f"daily as ({daily}), every as (select * from daily union all {_nested(monthly)})"
    return {
        "source": "m5",
        "timezone": "America/Chicago",
        "currency": "USD",
        "exported_at": "2016-06-01",
        "inputs": {
            "sales": {"file": "sales_daily_d1495_d1941.parquet"},
            "calendar": {"file": "calendar.parquet"},
            "months_wide": {"file": "sales_monthly_2011-01_2016-04.parquet"},
        },
        "tables": {
            "users": "select distinct store_id || '/' || dept_id as user_id, store_id as team_id, "
            "timestamp '2013-01-01' as recorded_at from sales",
            "orders": f"with {rows} select user_id || '/' || day as order_id, user_id, "
            "day + interval 20 hour as ordered_at, day + interval 22 hour as recorded_at from every where quantity > 0",
            "order_lines": f"with {rows} select user_id || '/' || day as order_id, 1 as line, 1 as quantity, "
            "quantity as unit_price, day + interval 22 hour as recorded_at from every where quantity > 0",
        },
    }


def _nested(query: str) -> str:
    """A query that begins with WITH, as part of another."""
    return f"select * from ({query})"
