"""The store's answers to requests that carried an idempotency key: a repeated request gets the first answer again."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import given_answers

#: How long an answer is given again.
KEPT = timedelta(hours=24)

#: After this a request without an answer counts as lost with its process, and may be sent again.
_LOST = timedelta(minutes=15)


@dataclass(frozen=True)
class GivenAnswer:
    """What stands under an idempotency key; ``status`` is None while the first request is still being answered."""

    fingerprint: str
    status: int | None
    media_type: str | None
    body: bytes | None


class AnswerRows(StoreConnection):
    """Answers by caller and idempotency key."""

    def claim_answer(self, caller: str, key: str, fingerprint: str) -> GivenAnswer | None:
        """What stands under a key; None when nothing did, and it is now the present request's.

        Parameters
        ----------
        caller : str
            Keys of one caller never meet those of another.
        key : str
        fingerprint : str
            Of method, address and body.
        """
        now, mine = self.clock.now(), (given_answers.c.caller == caller) & (given_answers.c.key == key)
        stale = (given_answers.c.claimed_at <= now - KEPT) | (
            given_answers.c.status.is_(None) & (given_answers.c.claimed_at <= now - _LOST)
        )
        row = {"caller": caller, "key": key, "fingerprint": fingerprint, "claimed_at": now}
        with self._writing() as con:
            con.execute(sa.delete(given_answers).where(stale))
            try:
                with con.begin_nested():
                    con.execute(sa.insert(given_answers).values(row))
            except IntegrityError:
                found = con.execute(sa.select(given_answers).where(mine)).mappings().one()
                return GivenAnswer(**{name: found[name] for name in GivenAnswer.__dataclass_fields__})
        return None

    def keep_answer(self, caller: str, key: str, status: int, media_type: str | None, body: bytes) -> None:
        """Give this answer to every repetition of a claimed request."""
        mine = (given_answers.c.caller == caller) & (given_answers.c.key == key)
        with self._writing() as con:
            answer = {"status": status, "media_type": media_type, "body": body}
            con.execute(sa.update(given_answers).where(mine).values(answer))

    def release_answer(self, caller: str, key: str) -> None:
        """Let a claimed request be sent again: it failed without an answer worth keeping."""
        mine = (given_answers.c.caller == caller) & (given_answers.c.key == key)
        with self._writing() as con:
            con.execute(sa.delete(given_answers).where(mine))
