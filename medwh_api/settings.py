"""Settings of the API: `MEDWH_API_*` from the environment or `.env`.

Nothing here opens a connection. Settings of the pipeline live in `medwh_assets`.
"""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiSettings(BaseSettings):
    """Where the API listens, which database it reads, and how long it may take."""

    model_config = SettingsConfigDict(
        env_prefix="MEDWH_API_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
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
    query_timeout: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        description="Seconds after which a query is given up with a 504.",
    )
    documentation: Path = Field(
        default=Path("data/state/documentation/index.html"),
        description="The page that `medwh docs` writes, served under /warehouse.",
    )
