"""Which Delta tables a lake has and what their rows hold.

Facts and entities are appended to one table per canonical table, without the columns that tell of a person. Those are
in ``personal``, one row per stored row that has any, joined by an opaque random id: erasing a person rewrites that
table and no other. Rejected rows are in ``quarantine``; ``resolved`` says which of them came in later after all.
``events`` names the events that are in the lake, each with the batch that brought it, so that none comes in twice.
"""

from forecast.history import stored_columns
from forecast.schema import TABLES, Kind

#: Paths of the parquet files that one version of a table consists of.
Files = tuple[str, ...]

PERSONAL = "personal"
QUARANTINE = "quarantine"
RESOLVED = "resolved"
EVENTS = "events"

PERSONAL_COLUMNS = {
    "table_name": Kind.TEXT,
    "personal_id": Kind.TEXT,
    "recorded_at": Kind.TIMESTAMP,
    "batch": Kind.INTEGER,
    "row": Kind.INTEGER,
    "content": Kind.TEXT,  # JSON object of the personal columns
}

QUARANTINE_COLUMNS = {
    "rejected_id": Kind.TEXT,
    "source": Kind.TEXT,
    "table_name": Kind.TEXT,
    "reason": Kind.TEXT,
    "row_number": Kind.INTEGER,
    "content": Kind.TEXT,  # JSON object of the source row
    "mapping": Kind.TEXT,
    "batch": Kind.INTEGER,
}

RESOLVED_COLUMNS = {"rejected_id": Kind.TEXT, "batch": Kind.INTEGER}

EVENT_COLUMNS = {"event_id": Kind.TEXT, "fingerprint": Kind.TEXT, "batch": Kind.INTEGER}


def columns_of(name: str) -> dict[str, Kind]:
    """Columns of a Delta table of the lake as stored."""
    match name:
        case "personal":
            return PERSONAL_COLUMNS
        case "quarantine":
            return QUARANTINE_COLUMNS
        case "resolved":
            return RESOLVED_COLUMNS
        case "events":
            return EVENT_COLUMNS
    return stored_columns(name) | ({"personal_id": Kind.TEXT} if TABLES[name].personal else {})


def accepted_columns(name: str) -> dict[str, Kind]:
    """Columns of the rows that may be appended to a canonical table; the lake itself numbers batch and row."""
    personal = {column: TABLES[name].by_name[column].kind for column in TABLES[name].personal}
    columns = stored_columns(name) | personal
    return {column: kind for column, kind in columns.items() if column not in ("batch", "row")}
