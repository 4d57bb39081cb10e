from datetime import date

import pytest

from medwh_assets.errors import CorruptSliceError
from medwh_assets.extracted import ExtractedPost, ExtractedText
from medwh_assets.slices import Slice
from medwh_assets.warehouse.connection import Connection
from medwh_assets.warehouse.load import (
    LoadedContent,
    LoadResult,
    load_extractions,
    loaded_contents,
    remove_slices,
)
from tests.integration.warehouse.made_records import FIRST, SECOND, slice_of

SAID = ExtractedText(
    text_hash="a" * 32,
    body_hash=None,
    language="en",
    post_kind="sale",
    line_numbers=(1, 3),
    line_hashes=(-(2**63), 2**63 - 1),
    line_footers=(False, True),
    line_ethiopic=(0, 4),
    line_latin=(9, 0),
    candidates='[{"line":1,"text":"ፓራሲታሞል \\"x\\""}]'.encode(),
    offers=b'[{"price":"4500.00"}]',
    vendor_keys=("b" * 32, "c" * 32),
    features=b'{"sale":3}',
)
NOTHING = ExtractedText(
    None, None, "none", "other", (), (), (), (), (), b"[]", b"[]", (), b'{"lines":0}'
)


def load(
    loader: Connection,
    content: str,
    *texts: ExtractedText,
    piece: Slice | None = None,
    version: str = "g1",
) -> LoadResult:
    posts = [ExtractedPost(number, text) for number, text in enumerate(texts, start=1)]
    ids = [post.message_id for post in posts]
    return load_extractions(
        loader, piece or slice_of(), ids, posts, content_sha256=content, version=version
    )


def test_every_column_comes_back_as_it_went(loader: Connection) -> None:
    result = load(loader, "a", SAID, NOTHING)
    assert (result.status, result.rows, result.changed) == ("loaded", 2, 2)
    rows = loader.execute(
        "select message_id, message_date, extraction_version, text_hash, body_hash, language,"
        " post_kind, line_numbers, line_hashes, line_footers, line_ethiopic, line_latin,"
        " candidates, offers, vendor_keys, features, load_id"
        " from raw.post_extractions order by message_id"
    ).fetchall()
    assert rows == [
        (1, FIRST, "g1", "a" * 32, None, "en", "sale", [1, 3], [-(2**63), 2**63 - 1], [False, True],
         [0, 4], [9, 0], [{"line": 1, "text": 'ፓራሲታሞል "x"'}], [{"price": "4500.00"}],
         ["b" * 32, "c" * 32], {"sale": 3}, result.load_id),
        (2, FIRST, "g1", None, None, "none", "other", [], [], [], [], [], [], [], [], {"lines": 0},
         result.load_id),
    ]  # fmt: skip
    assert loaded_contents(loader, "post_extractions") == {slice_of(): LoadedContent("a", "g1", 2)}


def test_an_unchanged_slice_is_not_even_read(loader: Connection) -> None:
    load(loader, "a", SAID)

    def never() -> ExtractedPost:
        raise AssertionError("the slice was loaded: nobody asks for its rows")

    posts = (never() for _ in range(1))
    result = load_extractions(loader, slice_of(), [1], posts, content_sha256="a", version="g1")
    assert result.status == "unchanged"


def test_other_rules_change_the_rows_and_only_those_that_differ_otherwise(
    loader: Connection,
) -> None:
    first = load(loader, "a", SAID, NOTHING)
    second = load(loader, "b", SAID, NOTHING, version="g2")
    assert (second.status, second.changed) == ("loaded", 2)
    third = load(loader, "c", SAID, SAID, version="g2")
    assert (third.changed, third.deleted) == (1, 0)
    rows = loader.execute("select message_id, load_id from raw.post_extractions order by 1")
    assert rows.fetchall() == [(1, second.load_id), (2, third.load_id)]
    assert first.load_id != second.load_id


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_a_slice_that_is_removed_takes_its_extractions_along(loader: Connection, day: date) -> None:
    load(loader, "a", SAID, piece=slice_of(day))
    assert remove_slices(loader, [slice_of(day)]) == 1
    [count] = loader.execute("select count(*) from raw.post_extractions").fetchone() or [None]
    assert count == 0
    assert loaded_contents(loader, "post_extractions")[slice_of(day)].content_sha256 is None


def test_a_post_that_moved_to_another_day_leaves_the_first(loader: Connection) -> None:
    load(loader, "a", SAID)
    load(loader, "b", SAID, piece=slice_of(SECOND))
    rows = loader.execute("select message_id, message_date from raw.post_extractions").fetchall()
    assert rows == [(1, SECOND)]
    assert loaded_contents(loader, "post_extractions")[slice_of()].content_sha256 is None


def test_a_post_that_stands_twice_is_refused(loader: Connection) -> None:
    posts = [ExtractedPost(1, SAID), ExtractedPost(1, SAID)]
    with pytest.raises(CorruptSliceError, match="twice"):
        load_extractions(loader, slice_of(), [1, 1], posts, content_sha256="a", version="g1")
