"""Is this workspace well? One row per part, each with what to do when it is not."""

from collections.abc import Callable

import pandas as pd

from forecast.errors import ForecastError
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings


def examine(settings: Settings, lake: Lake, store: Store, registry: ModelRegistry) -> pd.DataFrame:
    """Try each part: ``part``, ``ok``, ``finding``. Never raises for a part that fails: that is the finding."""

    def lake_state() -> str:
        with lake.connect() as con:
            n_opportunities, n_leads = con.execute(
                "SELECT (SELECT count(DISTINCT opportunity_id) FROM opportunities),"
                " (SELECT count(DISTINCT lead_id) FROM leads)"
            ).fetchall()[0]
        return f"batch {lake.head()}, {n_opportunities:,} opportunities, {n_leads:,} leads"

    def model_state() -> str:
        serving = {
            version.name: promotions[-1].version
            for version in registry.versions()
            if (promotions := store.promotions(version.name))
        }
        return ", ".join(f"{name}/{version}" for name, version in sorted(serving.items())) or (
            "no champion yet; scores use the group rate until `forecast train`"
        )

    parts: dict[str, Callable[[], str]] = {
        "settings": lambda: f"{settings.timezone}, {settings.reporting_currency}",
        "lake": lake_state,
        "store": lambda: f"{len(store.promotions('conversion_opportunity'))} promotions of conversion_opportunity",
        "models": model_state,
    }
    return pd.DataFrame([_try(part, state) for part, state in parts.items()], columns=["part", "ok", "finding"])


def _try(part: str, state: Callable[[], str]) -> tuple[str, bool, str]:
    try:
        return part, True, state()
    except ForecastError as error:
        return part, False, str(error)
