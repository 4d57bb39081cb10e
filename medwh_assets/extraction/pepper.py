"""The pepper: a secret that makes sellers' keys of their phone numbers, and no numbers of the keys.

Ethiopia has fewer than a billion phone numbers, so a plain hash is turned back in minutes. Whoever
loses the pepper loses no number, but every seller gets a new key.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from medwh_assets.errors import SettingError

SHORTEST: Final = 16
_FILE: Final = "pii_pepper"


def pepper_of(setting: SecretStr | None, state: Path) -> SecretStr:
    """Return the pepper of the setting, else of the state folder; make one if there is none.

    Args:
        setting: `MEDWH_PII_PEPPER`.
        state: the state folder, which keeps a generated one in a file for its owner alone.

    Raises:
        SettingError: the file cannot be read or written, or holds too little.
    """
    if setting is not None:
        return setting
    file = state / _FILE
    try:
        if not file.exists():
            _make(file)
        kept = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"the pepper in {file} cannot be kept ({type(error).__name__}): make the folder "
            "writable, or set MEDWH_PII_PEPPER"
        ) from error
    if len(kept) < SHORTEST:
        raise SettingError(
            f"the pepper in {file} is too short: restore it from a backup, set MEDWH_PII_PEPPER, or "
            "delete the file for a new one, with which every seller gets a new key"
        )
    return SecretStr(kept)


def _make(file: Path) -> None:
    """Write a new pepper, whole or not at all; of two processes at once one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32) + "\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            file.hardlink_to(temporary)
    finally:
        temporary.unlink()
