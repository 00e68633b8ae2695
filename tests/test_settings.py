from pathlib import Path

import pytest

from forecast.errors import InvalidInput
from forecast.settings import load_settings


def test_settings_come_from_the_file_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "forecast.toml").write_text('timezone = "Asia/Shanghai"\nreporting_currency = "CNY"\n')
    monkeypatch.setenv("FORECAST_REPORTING_CURRENCY", "EUR")

    settings = load_settings(tmp_path)

    assert (settings.timezone, settings.reporting_currency) == ("Asia/Shanghai", "EUR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('timezone = "Mars/Olympus"', r"Mars/Olympus"),
        ('country = "China"', r"'country'.*ISO 3166 code such as CN or DE-BY, got 'China'"),
        ("fiscal_year_start = 13", r"'fiscal_year_start'.*got 13"),
        ('reporting_currency = "ABC"', r"'ABC' is unknown"),
        ("horizons_days = [90, 60, 30]", r"'horizons_days'.*ascending"),
        ("horizon = 3", r"'horizon'.*not permitted"),
        ("timezone = ", r"not valid TOML"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "forecast.toml").write_text(text)

    with pytest.raises(InvalidInput, match=message) as caught:
        load_settings(tmp_path)

    assert "\n" not in str(caught.value)
