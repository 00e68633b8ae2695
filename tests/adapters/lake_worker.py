"""Run in a process of its own by the tests of the lake: writes or reads until done, killed or out of time.

What a batch holds follows from its number alone, so anybody can tell what a lake with n batches must hold.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from forecast.adapters.lake import DeltaLake
from forecast.adapters.lake_writer import LakeWriter

CONTACTS, OPPORTUNITIES, INTERACTIONS = 3, 6, 9
TABLES = (
    ("contacts", "contact_id", CONTACTS),
    ("opportunities", "opportunity_id", OPPORTUNITIES),
    ("interactions", "interaction_id", INTERACTIONS),
)
START = datetime(2024, 1, 1, tzinfo=UTC)


def append_batch(writer: LakeWriter, batch: int) -> None:
    """Everything that belongs to a batch."""

    def ids(count: int) -> list[str]:
        return [f"{batch}-{place}" for place in range(count)]

    def moments(count: int) -> list[datetime]:
        return [START + timedelta(days=batch)] * count

    writer.append(
        "contacts",
        pa.table({"contact_id": ids(CONTACTS), "email": ids(CONTACTS), "recorded_at": moments(CONTACTS)}),
    )
    writer.append(
        "opportunities",
        pa.table(
            {
                "opportunity_id": ids(OPPORTUNITIES),
                "created_at": moments(OPPORTUNITIES),
                "recorded_at": moments(OPPORTUNITIES),
            }
        ),
    )
    writer.append(
        "interactions",
        pa.table(
            {
                "interaction_id": ids(INTERACTIONS),
                "at": moments(INTERACTIONS),
                "recorded_at": moments(INTERACTIONS),
                "text": ids(INTERACTIONS),
            }
        ),
    )
    writer.reject(pa.table({"table_name": ["leads"], "reason": ["no lead_id"]}))


def write(
    folder: str, batches: int, *, step: str = "", occurrence: int = 0, in_batch: int = 0, tidy: bool = False
) -> None:
    """Commit until the lake has so many batches, compacting in between if `tidy`; die at the step if one is named."""
    lake = DeltaLake(Path(folder), on_step=_killer(folder, step, occurrence, in_batch))
    confirmed = Path(folder).with_suffix(".confirmed")
    Path(folder).with_suffix(".started").touch()
    while lake.head() < batches:
        with lake.writing() as writer:
            append_batch(writer, writer.batch)
            confirmed.write_text(str(writer.commit({"source": "worker"})))
        if tidy:
            lake.compact()
            lake.vacuum(0)


def write_same(folder: str, until: float, batches: int) -> None:
    """Bring in the data of batch 1 to n as often as time allows, at least once, each only if it is not there."""
    lake, is_over = DeltaLake(Path(folder)), False
    while not is_over:
        with lake.writing() as writer:
            known = writer.con.execute(f"SELECT count(*) FROM {writer.stored('contacts')}").fetchone()[0] // CONTACTS
            if known < batches:
                append_batch(writer, known + 1)
                writer.commit({"source": "worker"})
        if known % 5 == 4:
            lake.compact()
            lake.vacuum(0)
        is_over = time.time() >= until


def read(folder: str, until: float) -> None:
    """Read as often as time allows; any inconsistency ends the process with a traceback."""
    lake = DeltaLake(Path(folder))
    last = 0
    while time.time() < until:
        with lake.connect() as con:
            contacts = con.execute("SELECT count(*) FROM contacts").fetchone()[0]
            opportunities = con.execute("SELECT count(*) FROM opportunities").fetchone()[0]
            interactions = con.execute("SELECT count(*) FROM interactions").fetchone()[0]
        batches, rest = divmod(contacts, CONTACTS)
        assert rest == 0, contacts
        assert opportunities == batches * OPPORTUNITIES, (contacts, opportunities)
        assert interactions == batches * INTERACTIONS, (contacts, interactions)
        assert batches >= last, (batches, last)
        emails = lake.table("contacts")["email"]
        assert emails.notna().all()
        assert len(emails) >= contacts
        last = batches


def _killer(folder: str, step: str, occurrence: int, in_batch: int) -> Callable[[str], None]:
    seen = 0

    def on_step(reached: str) -> None:
        nonlocal seen
        seen += reached == step and DeltaLake(Path(folder)).head() == in_batch - (step != "after commit record")
        if step and seen > occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


if "task" in globals():  # set by the process that runs this file
    {"write": write, "write_same": write_same, "read": read}[globals()["task"]](**globals()["arguments"])
