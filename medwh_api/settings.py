"""Settings of the API: `MEDWH_API_*` from the environment or `.env`.

Nothing here opens a connection. Settings of the pipeline live in `medwh_assets`.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_HASH = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"\*|https?://[^/\s,]+")
UNLIMITED = "unlimited"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return value


def _key_hashes(hashes: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HASH.fullmatch(each) for each in hashes):
        raise ValueError(
            "give SHA-256 hashes of 64 hexadecimal digits, separated by commas; "
            "`python -m medwh_api new-key` makes a key and prints its hash"
        )
    return hashes


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_ORIGIN.fullmatch(each) for each in origins):
        raise ValueError("give origins such as https://example.org, separated by commas, or *")
    return origins


def _rate(rate: str) -> str:
    if rate == UNLIMITED:
        return rate
    try:
        parse_many(rate)
    except ValueError as error:
        raise ValueError(f"say it like 1200/minute, or {UNLIMITED}") from error
    return rate


class ApiSettings(BaseSettings):
    """Where the API listens, what it reads, whom it answers, and how long it may take."""

    model_config = SettingsConfigDict(
        env_prefix="MEDWH_API_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the API listens on.")
    db_host: str = Field(default="127.0.0.1", description="PostgreSQL's address or socket folder.")
    db_port: int = Field(default=5432, ge=1, le=65535, description="PostgreSQL's port.")
    db_name: str = Field(default="medwh", description="The warehouse's database.")
    db_user: str = Field(
        default="medwh_api", description="Login role that may only read the marts."
    )
    db_password: SecretStr | None = Field(default=None, description="The login role's password.")
    pool_size: int = Field(
        default=8, ge=1, le=100, description="Most database connections at once."
    )
    connection_timeout: float = Field(
        default=0.5,
        ge=0.1,
        le=30,
        description="Seconds that a request waits for a database connection before a 503.",
    )
    query_timeout: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        description="Seconds after which a query is given up with a 504.",
    )
    lake: str = Field(
        default="data/raw",
        description="Root of the lake, a folder or a filesystem URL, to read pictures from.",
    )
    keys: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_key_hashes)
    ] = Field(
        default=(),
        description="SHA-256 hashes of the keys that clients must send one of, comma-separated; "
        "none = no key is needed. Not asked for while the API listens on loopback.",
    )
    rate_limit: Annotated[str, AfterValidator(_rate)] = Field(
        default="1200/minute",
        description="How often one client may ask, such as 20/second;1200/minute, or unlimited. "
        "Not applied while the API listens on loopback.",
    )
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_origins)
    ] = Field(
        default=(),
        description="Origins of other pages that may read the API, comma-separated, or *.",
    )
    documentation: Path = Field(
        default=Path("data/state/documentation/index.html"),
        description="The page that `medwh docs` writes, served under /warehouse.",
    )

    @property
    def is_local(self) -> bool:
        """Whether the API listens on loopback, where only this machine's users reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
