"""Settings of a workspace: ``forecast.toml``, each also by environment variable ``FORECAST_…`` or a file of secrets."""

import os
import re
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from forecast.errors import InvalidInput
from forecast.money import is_currency
from forecast.periods import time_zone

SETTINGS_FILE = "forecast.toml"

#: Where containers find secrets: a file per setting, such as ``forecast_store_url``; the variable names another folder.
_SECRETS = "/run/secrets"
SECRETS_VARIABLE = "FORECAST_SECRETS_DIR"

#: Scheme, host and port, in lower case as browsers send them; anything else would loosen a security policy.
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?")
#: A country, or a part of one.
_COUNTRY = re.compile(r"([A-Z]{2}(-[A-Z0-9]{1,3})?)?")


class Settings(BaseSettings):
    """Typed settings of one workspace (one company)."""

    model_config = SettingsConfigDict(env_prefix="FORECAST_", extra="forbid", frozen=True)

    timezone: str = "UTC"
    fiscal_year_start: int = Field(default=1, ge=1, le=12)
    reporting_currency: str = "EUR"
    country: str = ""  # of the company, ISO 3166 (CN, DE-BY): demand knows its holidays; empty: none
    revenue_from: Literal["opportunities", "orders", "both"] = "opportunities"
    conversion_horizon_days: int = Field(default=90, ge=1, le=730)
    horizons_days: tuple[int, int, int] = (30, 60, 90)
    reporting_delay_days: int = Field(default=0, ge=0, le=90)
    snapshot_days: int = Field(default=7, ge=1, le=31)
    demand_frequency: Literal["D", "W", "M"] = "W"
    demand_by: tuple[Literal["product", "category", "country"], ...] = ("product",)  # what a series of orders is
    demand_horizon: int = Field(default=4, ge=1, le=366)
    outlook_periods: tuple[Literal["week", "month", "quarter", "year"], ...] = ("month", "quarter")
    #: Whose ranges are kept every night and judged, beside revenue and what targets are in.
    outlook_measures: tuple[Literal["margin", "wins", "units", "activities"], ...] = ()
    customers_horizon_days: int = Field(default=90, ge=1, le=1096)
    store_url: str = ""
    tracking_uri: str = ""
    mlflow_ui_url: str = ""  # where people open MLflow in a browser; empty: pages have no link into it
    random_state: int = 0
    session_idle_minutes: int = Field(default=480, ge=5, le=10_080)
    session_days: int = Field(default=7, ge=1, le=90)
    requests_per_minute: int = Field(default=1200, ge=0)  # of one key or session, in each process; 0 for any number
    request_timeout_s: float = Field(default=120, gt=0, le=3600)
    max_body_bytes: int = Field(default=8 * 2**20, ge=1024)
    cors_origins: tuple[str, ...] = ()  # pages of these sites may ask the API with a key
    frame_ancestors: tuple[str, ...] = ()  # pages of these sites may show the embedded panel
    panel_secret: SecretStr = SecretStr("")  # signs tokens of panels; needed where several machines serve
    log_format: Literal["auto", "json", "console"] = "auto"
    trusted_proxies: str = ""  # addresses or networks, by commas, whose X-Forwarded-… headers are believed
    shutdown_grace_s: int = Field(default=30, ge=1, le=600)
    expects_worker: bool = False  # whether a service without a living worker counts as not ready
    disk_floor_mib: int = Field(default=512, ge=0)
    smtp_host: str = ""  # where reports on schedule are handed over; empty: they are not sent
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = ""
    public_url: str = ""  # where people open the pages; mails link there

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        time_zone(value)
        return value

    @field_validator("reporting_currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if not is_currency(value):
            raise InvalidInput(f"Currency {value!r} is unknown; use an ISO 4217 code such as 'EUR' or 'CNY'.")
        return value

    @field_validator("country")
    @classmethod
    def _country_code(cls, value: str) -> str:
        if not _COUNTRY.fullmatch(value):
            raise ValueError("must be an ISO 3166 code such as CN or DE-BY")
        return value

    @field_validator("horizons_days")
    @classmethod
    def _ascending(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not 0 < value[0] < value[1] < value[2]:
            raise ValueError(f"must be three ascending numbers of days, got {value}")
        return value

    @field_validator("panel_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("cors_origins", "frame_ancestors")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"must be origins such as 'https://crm.example.com', got {origin!r}")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return time_zone(self.timezone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then files of secrets, then the workspace's file: an operator overrides without editing."""
        toml = settings_cls.model_config.get("toml_file")
        file = (TomlConfigSettingsSource(settings_cls),) if toml else ()
        return (init_settings, env_settings, file_secret_settings, *file)


def load_settings(folder: Path) -> Settings:
    """Settings of the workspace in ``folder``.

    Raises
    ------
    InvalidInput
        If a setting is unknown or out of range; the message names the setting and what came.
    """
    file = folder / SETTINGS_FILE
    secrets = Path(os.environ.get(SECRETS_VARIABLE, _SECRETS))

    class _FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file, secrets_dir=secrets if secrets.is_dir() else None)

    try:
        return _FromFile()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{file}: setting {name!r}: {first['msg']}, got {first.get('input')!r}.") from None
    except ValueError as error:  # not TOML
        raise InvalidInput(f"{file} is not valid TOML: {error}.") from None
