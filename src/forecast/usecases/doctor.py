"""Is this workspace well? What `forecast doctor` looks at beside that which serving needs."""

from collections.abc import Callable
from datetime import datetime

from forecast.errors import DataUnavailable
from forecast.ports import Lake, Store
from forecast.settings import Settings

#: How heartbeats of nightly steps are named.
NIGHTLY = "nightly "


def doctor_tests(settings: Settings, lake: Lake, store: Store, now: datetime) -> dict[str, Callable[[], str]]:
    """What is looked at, by name; for `forecast.usecases.readiness.check_all`."""

    def lake_state() -> str:
        with lake.connect() as con:
            n_opportunities, n_leads = con.execute(
                "SELECT (SELECT count(DISTINCT opportunity_id) FROM opportunities),"
                " (SELECT count(DISTINCT lead_id) FROM leads)"
            ).fetchall()[0]
        return f"batch {lake.head()}, {n_opportunities:,} opportunities, {n_leads:,} leads"

    def nights() -> str:
        steps = {name: beat for name, beat in store.heartbeats().items() if name.startswith(NIGHTLY)}
        if failed := [name.removeprefix(NIGHTLY) for name, beat in steps.items() if not beat.is_well]:
            raise DataUnavailable(f"The last nightly run failed at {', '.join(failed)}; run `forecast nightly` again.")
        if not steps:
            return "never run; put `forecast nightly` into cron"
        hours = (now - min(beat.at for beat in steps.values())).total_seconds() / 3600
        return f"every step within the last {hours:,.1f} hours"

    return {
        "settings": lambda: f"{settings.timezone}, {settings.reporting_currency}",
        "lake": lake_state,
        "nights": nights,
    }
