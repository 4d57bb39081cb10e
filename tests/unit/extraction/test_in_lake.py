from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from medwh_assets.errors import CorruptSliceError
from medwh_assets.extracted import ExtractedPost
from medwh_assets.extraction.in_lake import extract_in_lake, extracted_from
from medwh_assets.extraction.post import Extractor
from medwh_assets.lake.store import Lake
from medwh_assets.outcomes import Done, Failed, Number
from medwh_assets.slices import Slice
from tests.factories import CHANNEL, DAY, PIECE, make_post, make_reading

OTHER = Slice(CHANNEL, DAY.replace(day=2))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@dataclass
class FakeStore:
    """Keeps rows by slice; a slice whose content it has is not read again, a bad one fails."""

    rows: dict[Slice, list[ExtractedPost]] = field(default_factory=dict[Slice, list[ExtractedPost]])
    content: dict[Slice, str] = field(default_factory=dict[Slice, str])
    bad: set[Slice] = field(default_factory=set[Slice])

    @contextmanager
    def extraction_loads(self) -> Iterator["FakeStore"]:
        yield self

    def load(
        self,
        piece: Slice,
        message_ids: Sequence[int],
        posts: Iterable[ExtractedPost],
        *,
        content_sha256: str,
        version: str,
    ) -> Mapping[str, Number]:
        if piece in self.bad:
            raise CorruptSliceError(f"{piece} is bad")
        if self.content.get(piece) == content_sha256:
            return {"status": "unchanged"}
        self.content[piece] = content_sha256
        self.rows[piece] = list(posts)
        assert [post.message_id for post in self.rows[piece]] == list(message_ids)
        return {"status": "loaded", "dagster/row_count": len(message_ids)}


def test_every_post_of_a_slice_has_a_row(lake: Lake, extractor: Extractor) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1, "Warfarin 90 birr"), make_post(2, None))])
    store = FakeStore()
    [outcome] = extract_in_lake(lake, extractor, store, [PIECE])
    assert isinstance(outcome, Done)
    assert [post.text.post_kind for post in store.rows[PIECE]] == ["sale", "other"]
    [again] = extract_in_lake(lake, extractor, store, [PIECE])
    assert isinstance(again, Done)
    assert again.counts == {"status": "unchanged"}


def test_a_bad_slice_stops_no_other_and_one_that_is_not_there_is_told(
    lake: Lake, extractor: Extractor
) -> None:
    lake.merge_readings(PIECE, [make_reading(make_post(1, "Warfarin"))])
    outcomes = list(extract_in_lake(lake, extractor, FakeStore(bad={PIECE}), [PIECE, OTHER]))
    assert isinstance(outcomes[0], Failed)
    assert isinstance(outcomes[1], Done)
    assert outcomes[1].counts["status"] == "not in the lake"


def test_content_is_named_by_posts_and_rules_alike() -> None:
    named = {extracted_from("a", "1"), extracted_from("b", "1"), extracted_from("a", "2")}
    assert len(named) == 3
