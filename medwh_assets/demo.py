"""The bundled sample: which slices it has, and how it is taken out again."""

from dataclasses import dataclass

from medwh_assets.errors import RetryableError, SettingError
from medwh_assets.partitions import CHANNELS
from medwh_assets.resources import sample_of
from medwh_assets.session import Session
from medwh_assets.stage_runner import Selection, Watcher


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken out."""

    channels: int
    slices: int
    images: int
    rows: int


def sample_selection(session: Session) -> Selection:
    """Return the selection that reads the whole sample.

    Raises:
        SettingError: the sample is not there.
    """
    slices = sample_of(session.settings).days()
    if not slices:
        raise SettingError(
            f"MEDWH_SAMPLE: no recording in {session.settings.sample.resolve()}; run medwh in its own "
            "folder, or set MEDWH_SAMPLE to the data/sample folder of a clone"
        )
    return Selection(read=tuple(slices), channels=frozenset(piece.channel for piece in slices))


def remove_sample(session: Session, watcher: Watcher) -> Removal:
    """Take the sample's rows, files and partitions out; every step may be repeated.

    First the database, so that a removal that is cut off leaves files that show what is left to do.
    What models saw stays in the lake's cache: it goes by content, and any channel may post the same
    picture.
    """
    channels = sorted(sample_of(session.settings).channels())
    slices = [piece for piece in session.lake.slices() if piece.channel in channels]
    loaded = {*session.warehouse.loaded_messages(), *session.warehouse.loaded_detections()}
    gone = sorted({*slices, *(piece for piece in loaded if piece.channel in channels)})
    rows = session.warehouse.remove(gone)
    result = session.build(watcher)
    if not result.ok:
        raise RetryableError(
            f"the marts could not be built without the sample ({result.failures[0][2]}); "
            "its files are still there, run `medwh demo --remove` again"
        )
    images = session.lake.remove_channels(channels)
    known = CHANNELS.get_partition_keys(dynamic_partitions_store=session.instance)
    for channel in set(channels) & set(known):
        session.instance.delete_dynamic_partition(str(CHANNELS.name), channel)
    return Removal(len(set(channels) & set(known)), len(slices), images, rows)
