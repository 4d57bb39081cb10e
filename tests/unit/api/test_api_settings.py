"""The API's settings."""

import pytest
from pydantic import ValidationError

from medwh_api.settings import ApiSettings


def test_every_setting_is_described():
    for name, field in ApiSettings.model_fields.items():
        assert field.description, name


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDWH_API_DB_HOST", "/run/postgres")
    monkeypatch.setenv("MEDWH_API_POOL_SIZE", "3")
    settings = ApiSettings()
    assert (settings.db_host, settings.pool_size) == ("/run/postgres", 3)


def test_an_empty_setting_is_no_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDWH_API_PORT", "")
    assert ApiSettings().port == 8000


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "0"), ("POOL_SIZE", "0"), ("QUERY_TIMEOUT", "0"), ("PORT", "http")]
)
def test_an_impossible_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"MEDWH_API_{name}", value)
    with pytest.raises(ValidationError):
        ApiSettings()


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDWH_API_DB_PASSWORD", "open sesame")
    settings = ApiSettings()
    assert "sesame" not in repr(settings) + settings.model_dump_json()
