"""Numbers, money and times as people of a language write them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeGuard, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import (
    format_compact_currency,
    format_currency,
    format_decimal,
    format_percent,
)

from api.language import Language

_Value = TypeVar("_Value")

_LOCALES = {"en": Locale("en", "GB"), "zh": Locale.parse("zh_Hans_CN")}
#: What stands where there is no number.
NONE = "–"


@dataclass(frozen=True)
class Formats:
    """How one page writes its numbers.

    Parameters
    ----------
    lang : {"en", "zh"}
    zone : ZoneInfo
        Of the workspace: moments are shown in it.
    currency : str
        Of amounts that name none.
    """

    lang: Language
    zone: ZoneInfo
    currency: str

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return _LOCALES[self.lang]

    def money(self, amount: float | None, currency: str | None = None, *, cents: bool = False) -> str:
        """``€12,345``, with cents where asked for."""
        if not _is_known(amount):
            return NONE
        pattern = "¤#,##0.00" if cents else "¤#,##0"
        return format_currency(amount, currency or self.currency, pattern, self.locale, currency_digits=False)

    def money_short(self, amount: float | None, currency: str | None = None) -> str:
        """``€1.2M``, 123万欧元 shortened as the language shortens."""
        if not _is_known(amount):
            return NONE
        if abs(amount) < 10_000:
            return self.money(amount, currency)
        return format_compact_currency(amount, currency or self.currency, locale=self.locale, fraction_digits=1)

    def money_change(self, amount: float | None, currency: str | None = None) -> str:
        """With its sign, ``+€1,200``."""
        if not _is_known(amount):
            return NONE
        return f"{'+' if amount > 0 else '−' if amount < 0 else '±'}{self.money(abs(amount), currency)}"

    def number(self, value: float | None, digits: int = 0) -> str:
        """``1,234.5`` with so many digits after the point."""
        if not _is_known(value):
            return NONE
        return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), self.locale)

    def change(self, value: float | None, digits: int = 0) -> str:
        """With its sign, ``+1.5``."""
        if not _is_known(value):
            return NONE
        return f"{'+' if value > 0 else '−' if value < 0 else '±'}{self.number(abs(value), digits)}"

    def percent(self, share: float | None, digits: int = 0) -> str:
        """``72%`` of a share 0–1; what rounds to nothing or all, but is not, says so."""
        if not _is_known(share):
            return NONE
        least = 10.0 ** -(digits + 2)
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
        if 0 < share < least / 2:
            return f"<{format_percent(least, pattern, self.locale)}"
        if 1 - least / 2 < share < 1:
            return f">{format_percent(1 - least, pattern, self.locale)}"
        return format_percent(share, pattern, self.locale)

    def points(self, share: float | None, digits: int = 1) -> str:
        """Percentage points with their sign, ``+3.2``, of a difference of shares."""
        return self.change(100 * share, digits) if _is_known(share) else NONE

    def day(self, value: date | datetime | None) -> str:
        """``4 Mar 2026``."""
        if not _is_known(value):
            return NONE
        return format_date(self._local(value), "medium", self.locale)

    def moment(self, value: datetime | None) -> str:
        """``4 Mar 2026, 14:05`` in the workspace's zone."""
        if not _is_known(value):
            return NONE
        return format_datetime(
            value, "d MMM y HH:mm" if self.lang == "en" else "y年M月d日 HH:mm", self.zone, self.locale
        )

    def _local(self, value: date | datetime) -> date | datetime:
        return value.astimezone(self.zone) if isinstance(value, datetime) and value.tzinfo else value


def _is_known(value: _Value | None) -> TypeGuard[_Value]:
    """Whether there is something to write: not None, NaN or NaT."""
    return value is not None and value == value
