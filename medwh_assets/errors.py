"""Every error medwh raises on purpose, as one small tree.

    MedwhError                      says what happened and what to do next
    ├── PermanentError              the same attempt will fail the same way
    │   ├── SettingError            a setting is missing or impossible
    │   │   └── CredentialsError    Telegram's API id or hash is missing or refused
    │   ├── AccountError            not logged in to Telegram, or the account is banned
    │   ├── ChannelNotFoundError    no channel has this username
    │   ├── ChannelPrivateError     the account may not read the channel
    │   ├── ChannelNameError        not a Telegram username
    │   ├── DateBeforeStartError    a post older than MEDWH_START_DATE
    │   ├── CorruptSliceError       a lake file that cannot be read as records
    │   ├── LakePathError           a path that would leave the lake
    │   ├── ImportShapeError        an import path that holds nothing known
    │   ├── ExportError             an export cannot be written where, or of what, it was asked for
    │   ├── ImageError              bytes that are no safe, whole image
    │   │   └── UndeliveredImageError  a source knows of an image and does not hand it over
    │   ├── WeightsError            detection weights missing or unreadable
    │   ├── TrainingError           a detector cannot be trained from what was given
    │   └── PrivilegeError          the database role may not do what set-up needs
    └── RetryableError              the same attempt may succeed later
        ├── LakeBusyError           another process holds a slice's lock
        ├── LakeUnreachableError    the object store that the lake lies in did not answer
        ├── SpoolError              no room for an import's temporary database
        ├── SourceUnreachableError  a message source did not answer
        ├── SourceBusyError         another run held the Telegram account
        ├── CoolingDownError        Telegram asked for a long pause
        ├── DatabaseUnreachableError  PostgreSQL did not answer or did not start
        └── BuildLostError          a build's connection broke and another build began

What must not live here: Dagster's failures (`slice_asset` translates) and HTTP statuses (`medwh_api`).
"""

from datetime import datetime


class MedwhError(Exception):
    """Root of the tree. The message says what happened and what to do next."""


class PermanentError(MedwhError):
    """Retrying cannot help: Dagster gets `Failure(allow_retries=False)`."""


class RetryableError(MedwhError):
    """Retrying may help: the world was not ready."""


class SettingError(PermanentError):
    """A setting is missing, malformed or contradicts another."""


class CredentialsError(SettingError):
    """Telegram's API id or hash is missing or refused; the message names the setting."""


class AccountError(PermanentError):
    """The Telegram account is not logged in, or may not be used any more."""


class ChannelNotFoundError(PermanentError):
    """No Telegram channel has this username."""


class ChannelPrivateError(PermanentError):
    """The Telegram account may not read the channel."""


class ChannelNameError(PermanentError):
    """A channel name breaks Telegram's username rule."""


class DateBeforeStartError(PermanentError):
    """A post is older than `MEDWH_START_DATE`, so no partition can hold it."""


class CorruptSliceError(PermanentError):
    """A lake file exists but cannot be read as the records it should hold."""


class LakePathError(PermanentError):
    """A path would leave the lake's root."""


class ImportShapeError(PermanentError):
    """The path given to an import holds nothing that medwh knows."""


class ExportError(PermanentError):
    """An export cannot be written where, or of what, it was asked for."""


class ImageError(PermanentError):
    """Bytes that are no safe, whole image; the message is a short reason, as quarantine keeps it."""


class UndeliveredImageError(ImageError):
    """A source knows of an image and does not hand it over, or only in part.

    Attributes:
        asked_at: the logical time at which it was asked for, if it may come another day.
    """

    def __init__(self, message: str, asked_at: datetime | None = None) -> None:
        """Keep the time beside the message."""
        super().__init__(message)
        self.asked_at = asked_at


class WeightsError(PermanentError):
    """Detection weights are missing or cannot be loaded."""


class TrainingError(PermanentError):
    """A folder of labelled pictures cannot be trained on, or training on it failed."""


class PrivilegeError(PermanentError):
    """The database role lacks a right that set-up needs; the message holds the SQL to run."""


class LakeBusyError(RetryableError):
    """Another process held a slice's lock for longer than the timeout."""


class LakeUnreachableError(RetryableError):
    """The object store that the lake lies in could not be reached, or answered with a failure."""


class SpoolError(RetryableError):
    """The temporary database of an import could not be written."""


class SourceUnreachableError(RetryableError):
    """A message source could not be reached: nothing may be concluded about its posts."""


class SourceBusyError(RetryableError):
    """Another run held the Telegram account for longer than the wait."""


class CoolingDownError(RetryableError):
    """Telegram asked for a pause that is too long to sit out.

    Attributes:
        until: when something may be asked again.
    """

    def __init__(self, message: str, until: datetime) -> None:
        """Say what happened and when to try again."""
        super().__init__(message)
        self.until = until


class DatabaseUnreachableError(RetryableError):
    """PostgreSQL did not answer, or the embedded server did not start."""


class BuildLostError(RetryableError):
    """A build was taken for dead while it ran: its loads are in the next one."""
