"""Settings, `.env.example` and the README's table say the same."""

import re
from pathlib import Path

from pydantic_settings import BaseSettings

from medwh_api.settings import ApiSettings
from medwh_assets.settings import (
    DetectionSettings,
    ExtractionSettings,
    LakeSettings,
    LiveSettings,
    PostgresSettings,
    ServeSettings,
    TelegramSettings,
    WatchSettings,
)

REPOSITORY = Path(__file__).parents[2]
CLASSES: tuple[type[BaseSettings], ...] = (
    LakeSettings, TelegramSettings, LiveSettings, PostgresSettings, DetectionSettings,
    ExtractionSettings, WatchSettings, ServeSettings, ApiSettings,
)  # fmt: skip
# Read where the server's binaries are looked for, before any settings class can be made.
BESIDES = {"MEDWH_PG_BIN"}


def defined() -> set[str]:
    names = {
        f"{settings.model_config.get('env_prefix', '')}{field}".upper()
        for settings in CLASSES
        for field in settings.model_fields
    }
    return names | BESIDES


def test_every_setting_stands_in_the_example_file_and_no_other_does() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == defined()


def test_every_setting_stands_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    table = readme[readme.index("## Settings") : readme.index("## Deploy")]
    assert set(re.findall(r"`((?:MEDWH|POSTGRES|TELEGRAM)_[A-Z_]+)`", table)) >= defined()


def test_the_example_files_defaults_are_the_defaults(tmp_path: Path, monkeypatch: object) -> None:
    example = REPOSITORY / ".env.example"
    for settings in CLASSES:
        assert settings(_env_file=example) == settings(_env_file=None)  # pyright: ignore


def test_every_field_is_described() -> None:
    for settings in CLASSES:
        for name, field in settings.model_fields.items():
            assert field.description, f"{settings.__name__}.{name}"


def test_no_secret_shows_in_a_repr(monkeypatch: object) -> None:
    shown = repr(PostgresSettings(_env_file=None, password="hunter2"))  # pyright: ignore
    assert "hunter2" not in shown
