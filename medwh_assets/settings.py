"""Settings: one class per service, read from the environment or `.env`.

Every field here stands in `.env.example` and in the README's table; a test holds the three
together. Nothing here opens a connection or creates a folder. The API has settings of its own.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from medwh_assets.slices import channel_name


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part for part in value.replace(",", " ").split() if part]
    return value


def _channel_names(names: list[str]) -> list[str]:
    return list(dict.fromkeys(channel_name(name) for name in names))


_YEAR_HOURS = 8784


def _deadlines(value: object) -> object:
    """Read `channel=late/overdue` pairs."""
    if not isinstance(value, str):
        return value
    found: dict[str, tuple[str, str]] = {}
    for part in value.replace(",", " ").split():
        name, equals, hours = part.partition("=")
        late, slash, overdue = hours.partition("/")
        if not equals or not slash:
            raise ValueError("not channel=late/overdue, in hours, such as chemed123=12/24")
        found[channel_name(name)] = (late, overdue)
    return found


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        env_prefix=prefix,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        env_ignore_empty=True,
    )


class LakeSettings(BaseSettings):
    """Where posts and images are kept, and which channels and days there are."""

    model_config = _config("MEDWH_")

    lake: str = Field(
        default="data/raw", description="Root of the lake: a folder, or s3://bucket/prefix."
    )
    state: Path = Field(
        default=Path("data/state"),
        description="Everything that is not data: DAGSTER_HOME, the embedded server, caches, logs.",
    )
    channels: Annotated[
        list[str], NoDecode, BeforeValidator(_split), AfterValidator(_channel_names)
    ] = Field(
        default_factory=list,
        description="Channels that the daily schedule covers, comma-separated.",
    )
    start_date: date = Field(
        default=date(2018, 1, 1),
        description="First day of the date partitions; older posts are refused by this setting's name.",
    )
    refresh_days: int = Field(
        default=7,
        ge=1,
        le=366,
        description="Days before today that a daily run reads again, for counters and edits.",
    )
    deep_refresh_days: int = Field(
        default=90,
        ge=0,
        le=3660,
        description="Days before today that are read again once a week, for late edits; 0 = never.",
    )
    sample: Path = Field(
        default=Path("data/sample"),
        description="Folder of the bundled sample, a recording of invented channels.",
    )


class TelegramSettings(BaseSettings):
    """The Telegram account that reads the live channels."""

    model_config = _config("TELEGRAM_")

    api_id: int | None = Field(
        default=None, ge=1, description="Your application's id, from https://my.telegram.org."
    )
    api_hash: SecretStr | None = Field(
        default=None, description="Your application's hash, from https://my.telegram.org."
    )
    phone: SecretStr | None = Field(
        default=None, description="The account's phone number; `medwh login` asks if it is unset."
    )
    session: SecretStr | None = Field(
        default=None,
        description="A session from `medwh login --print`; unset = the one in the state folder.",
    )


class LiveSettings(BaseSettings):
    """How live channels are read."""

    model_config = _config("MEDWH_")

    telegram_requests_per_second: float = Field(
        default=1.0,
        gt=0,
        le=30,
        description="Pages of history (100 posts each) that are asked of Telegram in a second.",
    )
    image_size_pixels: int = Field(
        default=800,
        ge=100,
        le=2560,
        description="Longest side of a fetched picture, where Telegram keeps one that large.",
    )


class PostgresSettings(BaseSettings):
    """The PostgreSQL server. No host means the embedded one, under the state folder."""

    model_config = _config("POSTGRES_")

    host: str | None = Field(
        default=None, description="Server name or socket folder; unset = the embedded server."
    )
    port: int = Field(default=5432, ge=1, le=65535, description="Server port.")
    db: str = Field(
        default="medwh", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="The warehouse's database."
    )
    user: str = Field(default="medwh", description="Login role that owns the schemas.")
    password: SecretStr | None = Field(default=None, description="The login role's password.")


DEMO_WEIGHTS = Path("data/demo_weights/medwh_demo_drawings.pt")


EngineSetting = Literal["auto", "gpu", "openvino", "torch"]


class DetectionSettings(BaseSettings):
    """The detector of things on pictures."""

    model_config = _config("MEDWH_YOLO_")

    weights: Path = Field(
        default=DEMO_WEIGHTS,
        description=(
            "Any Ultralytics weights: .pt, .onnx or an OpenVINO folder. "
            "The default knows only the sample's drawings."
        ),
    )
    confidence: float = Field(
        default=0.25, gt=0, lt=1, description="Detections below this confidence are not kept."
    )
    image_size: int = Field(
        default_factory=lambda chosen: _image_size(chosen["weights"]),
        ge=32,
        le=4096,
        multiple_of=32,
        description=(
            "Longest side, in pixels, that the model sees; unset = 640, and 256 for the demo weights."
        ),
    )
    engine: EngineSetting = Field(
        default="auto",
        description=(
            "What runs the model: auto (a GPU, else OpenVINO, else PyTorch on the cores), gpu, "
            "openvino or torch."
        ),
    )
    same_engine: bool = Field(
        default=False,
        description=(
            "Whether a picture that another engine has looked at with the same weights counts as "
            "never seen."
        ),
    )


def _image_size(weights: Path) -> int:
    # The demo weights are trained on drawings of 256 pixels: at 640 they find 9 of 94 main objects,
    # at 256 they find 92.
    return 256 if weights == DEMO_WEIGHTS else 640


class ExtractionSettings(BaseSettings):
    """How posts are read for what they say."""

    model_config = _config("MEDWH_")

    pii_pepper: SecretStr | None = Field(
        default=None,
        min_length=16,
        description=(
            "Secret that makes sellers' keys of their phone numbers; unset = made once, in the "
            "state folder."
        ),
    )


class WatchSettings(BaseSettings):
    """When a live channel is late, and who is told of runs that fail."""

    model_config = _config("MEDWH_")

    freshness_warn_hours: float = Field(
        default=30,
        gt=0,
        le=8784,
        description="Hours without a read after which a live channel is late.",
    )
    freshness_fail_hours: float = Field(
        default=54,
        gt=0,
        le=8784,
        description="Hours without a read after which a live channel is overdue.",
    )
    freshness_channels: Annotated[
        dict[str, tuple[float, float]], NoDecode, BeforeValidator(_deadlines)
    ] = Field(
        default_factory=dict,
        description="Other hours for some channels: channel=late/overdue, comma-separated.",
    )
    failure_webhook: SecretStr | None = Field(
        default=None,
        description="URL that gets a JSON text for each run that fails; unset = the log alone.",
    )
    failure_webhook_seconds: float = Field(
        default=5, gt=0, le=30, description="Seconds that the webhook is waited for."
    )

    @field_validator("failure_webhook")
    @classmethod
    def _http(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("not an http or https URL")
        return url

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        pairs = {"": (self.freshness_warn_hours, self.freshness_fail_hours)}
        for channel, (warn, fail) in (pairs | self.freshness_channels).items():
            if not 0 < warn <= fail <= _YEAR_HOURS:
                raise ValueError(
                    f"{channel or 'freshness'}: late after {warn:g} h must not lie behind overdue "
                    f"after {fail:g} h, and both within a year"
                )
        return self

    def deadlines(self, channels: Iterable[str]) -> dict[str, tuple[timedelta, timedelta]]:
        """Return after what age each of some channels is late and overdue."""
        usual = (self.freshness_warn_hours, self.freshness_fail_hours)
        hours = {channel: self.freshness_channels.get(channel, usual) for channel in channels}
        return {
            channel: (timedelta(hours=warn), timedelta(hours=fail))
            for channel, (warn, fail) in hours.items()
        }


class ServeSettings(BaseSettings):
    """What `medwh up` serves, and where."""

    model_config = _config("MEDWH_")

    ui_host: str = Field(default="127.0.0.1", description="Address that the Dagster UI listens on.")
    ui_port: int = Field(default=3000, ge=1, le=65535, description="Port of the Dagster UI.")
    api_host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(default=8000, ge=1, le=65535, description="Port of the HTTP API.")
    api_db_password: SecretStr | None = Field(
        default=None,
        description="What the API's role logs in with; not needed on the embedded server.",
    )
