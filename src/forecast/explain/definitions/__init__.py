"""What every published number means, in English and Chinese: population, horizon, conditioning, unit, direction."""

from forecast.explain.definitions.customers import CUSTOMERS
from forecast.explain.definitions.demand import WHY_DEMAND
from forecast.explain.definitions.entry import Definition, Part
from forecast.explain.definitions.funnel import FUNNEL
from forecast.explain.definitions.moved import MOVED
from forecast.explain.definitions.outlook import OUTLOOK
from forecast.explain.definitions.page import (
    definition_records,
    definitions_html,
    definitions_markdown,
    definitions_page,
)
from forecast.explain.definitions.performance import PERFORMANCE
from forecast.explain.definitions.plans import DEMAND, TARGETS
from forecast.explain.definitions.quality import QUALITY
from forecast.explain.definitions.scores import SCORES

__all__ = [
    "PARTS",
    "Definition",
    "Part",
    "definition_records",
    "definitions_html",
    "definitions_markdown",
    "definitions_page",
    "is_defined",
]

#: In the order of the page.
PARTS = (SCORES, QUALITY, OUTLOOK, MOVED, TARGETS, DEMAND, WHY_DEMAND, CUSTOMERS, PERFORMANCE, FUNNEL)


def is_defined(column: str) -> bool:
    """Whether some entry explains a published column of that name."""
    return any(entry.explains(column) for part in PARTS for entry in part.entries)
