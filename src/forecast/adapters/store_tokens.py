"""Tokens that are good for one use."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import used_tokens


class TokenRows(StoreConnection):
    """Which tokens were used, for as long as they would be good."""

    def use_token(self, token_id: str, expires_at: datetime) -> bool:
        """Note that a token is used now; False when it was used before.

        Parameters
        ----------
        token_id : str
        expires_at : datetime
            From when on the token is refused anyway.
        """
        try:
            with self._writing() as con:
                con.execute(sa.delete(used_tokens).where(used_tokens.c.expires_at < self.clock.now()))
                con.execute(sa.insert(used_tokens).values(token_id=token_id, expires_at=expires_at))
        except IntegrityError:
            return False
        return True
