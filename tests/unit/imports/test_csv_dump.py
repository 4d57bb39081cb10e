import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.imports.csv_dump import MAX_RECORD, looks_like_csv, read_rows
from medwh_assets.imports.found import Refused, Unread
from medwh_assets.imports.spellings import read_record
from tests.factories import ANY_TEXT
from tests.unit.imports.csv_dumps import COLUMNS, dump, rows, write_dump

DAY = "2025-03-01"


def read(text: str, size: int = 1 << 16) -> list[dict[str, JsonValue] | Refused | Unread]:
    return list(read_rows(text[at : at + size] for at in range(0, len(text), size)))


def records(text: str) -> list[dict[str, JsonValue]]:
    found = read(text)
    assert all(isinstance(one, dict) for one in found), found
    return [one for one in found if isinstance(one, dict)]


def ids(found: Iterable[Any]) -> list[Any]:
    return [one["id"] for one in found if isinstance(one, dict)]


def refused(found: Iterable[Any]) -> list[Refused]:
    return [one for one in found if isinstance(one, Refused)]


# -- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r\r\n"])
@pytest.mark.parametrize("columns", [COLUMNS, None])
def test_every_dialect_gives_the_rows_that_were_written(
    delimiter: str, quoting: int, line_end: str, columns: tuple[str, ...] | None
) -> None:
    text = dump(
        [rows(40)], columns=columns, delimiter=delimiter, quoting=quoting, line_end=line_end
    )
    assert records(text) == [
        {
            "channel_title": row[0],
            "channel_username": row[1],
            "id": row[2],
            "message": row[3] or None,
            "date": row[4],
            "media_path": row[5] or None,
        }
        for row in rows(40)
    ]
    assert looks_like_csv(text)


@pytest.mark.parametrize(
    "header",
    ["ID,Message,Date", "id,text,DATE", "message_id,Message Text,message date",
     "MessageID,content,Timestamp", "\ufeffmsg_id,caption,date_utc", '"messageId","Text","Date"',
     "sep=,\nID,Message,Date", "Posts of Demo Shop\n\nID,Message,Date"],
)  # fmt: skip
def test_every_spelling_of_the_header_makes_records_that_are_posts(header: str) -> None:
    found = [r for r in read(f"{header}\n7,hello,{DAY} 12:00:00+00:00\n") if isinstance(r, dict)]
    assert len(found) == 1
    post = read_record(found[0], channel="demo_shop", source="csv", file_observed_at=None).post
    assert (post.id, post.text, post.date.isoformat()) == (7, "hello", f"{DAY}T12:00:00+00:00")


def test_a_column_that_nobody_knows_is_kept_and_one_without_a_name_gets_its_number() -> None:
    text = f",Unnamed: 1,ID,Date,Was ist das?,id,\n0,1,7,{DAY},x,8,y\n"
    assert records(text) == [
        {"column_1": "0", "column_2": "1", "id": "7", "date": DAY, "was_ist_das": "x",
         "id_2": "8", "column_7": "y"}
    ]  # fmt: skip


def test_a_header_in_the_middle_is_no_row_and_the_batches_around_it_are_all_read() -> None:
    text = dump([rows(3), rows(3), rows(5)])
    assert ids(records(text)) == ["3", "2", "1", "3", "2", "1", "5", "4", "3", "2", "1"]


def test_another_header_in_the_middle_names_the_columns_from_there_on() -> None:
    text = f"ID,Message,Date\n1,a,{DAY}\nDate,Views,Message ID\n{DAY},12,2\n"
    assert records(text) == [
        {"id": "1", "message": "a", "date": DAY},
        {"date": DAY, "views": "12", "message_id": "2"},
    ]


def test_rows_above_the_first_header_are_read_by_it() -> None:
    body = dump([rows(2)], columns=None)
    assert ids(records(body + dump([rows(3)]))) == ["2", "1", "3", "2", "1"]


def test_names_that_nobody_knows_are_helped_by_what_the_columns_hold() -> None:
    text = f"post,wann,was\n12,{DAY},hello\n11,{DAY},you\n9,2025-02-28,there\n"
    assert records(text)[0] == {"id": "12", "date": DAY, "message": "hello"}


def test_without_a_header_the_row_numbers_and_the_views_are_not_taken_for_ids() -> None:
    text = "".join(
        f"{at},{900 - at},{(at * 37) % 50 + 1},post number {at},2025-03-{at + 1:02}\n"
        for at in range(20)
    )
    assert records(text)[3] == {
        "column_1": "3",
        "id": "897",
        "column_3": "12",
        "message": "post number 3",
        "date": "2025-03-04",
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello,world\nhow,are you\n", "no column"),
        (f"1,hello\n2,{DAY}\n3,you\n", "no column"),
        (f"a,{DAY}\nb,{DAY}\n", "no column that could be the id"),
        (f"1,5,{DAY}\n2,6,{DAY}\n4,9,{DAY}\n", "2 columns that could be the id"),
        ("just words\nand more\n", "one column"),
        ("ID,Message\nx,hello\n", "no id and date in the header"),
    ],
)
def test_where_id_and_date_cannot_be_told_nothing_is_guessed(text: str, why: str) -> None:
    (found,) = read(text)
    assert isinstance(found, Unread)
    assert why in found.reason
    assert found.reason.endswith(
        "expected columns Channel Title, Channel Username, ID, Message, Date, Media Path"
    )
    assert not looks_like_csv(text)


@pytest.mark.parametrize(
    "text",
    ["", "\n", '{"id": 1, "date": "2025-03-01", "text": "a"}\n' * 3, '[1, 2, "2025-03-01"]',
     "Dear all,\nthe date, 2025-03-01, is set.\n", '{"messages": [\n{"id": 1,\n"date": "x"}]}'],
)  # fmt: skip
def test_what_is_no_csv_does_not_look_like_one(text: str) -> None:
    assert not looks_like_csv(text)


def test_a_head_that_ends_in_the_middle_of_a_row_looks_like_the_whole() -> None:
    text = dump([rows(400)])
    assert all(looks_like_csv(text[:size]) for size in (100, 500, 5000, 60_000))
    bare = dump([rows(400)], columns=None)
    assert all(looks_like_csv(bare[:size]) for size in (500, 5000, 60_000))


def test_an_empty_file_holds_nothing() -> None:
    assert read("") == read("\ufeff\n\n") == []


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", "NaT", "None", "null", "No Media"])
def test_what_means_nothing_is_null_but_a_text_may_say_so(nothing: str) -> None:
    (record,) = records(f"ID,Date,Message,Media Path,Views\n1,{DAY},{nothing},{nothing},{nothing}")
    assert record["media_path"] is record["views"] is None
    assert record["message"] == (None if nothing in ("", "nan") else nothing)


def test_true_and_false_are_said_by_words_and_numbers_stay_as_they_stand() -> None:
    (record,) = records(f"ID,Date,Message,Has Media,has_photo,edited,Views\n"
                        f"123.0,{DAY},True,True,0,False,12.0\n")  # fmt: skip
    assert record == {"id": "123.0", "date": DAY, "message": "True", "has_media": True,
                      "has_photo": False, "edited": False, "views": "12.0"}  # fmt: skip


@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=5), size=st.integers(1, 50))
def test_any_text_survives_wherever_the_file_is_cut(texts: list[str], size: int) -> None:
    text = dump(
        [[["Demo", "@demo", str(at), words, DAY, "x"] for at, words in enumerate(texts, 1)]],
        quoting=csv.QUOTE_ALL,
    )
    assert read(text, size) == [
        {
            "channel_title": "Demo",
            "channel_username": "@demo",
            "id": str(at),
            "message": None if words in ("", "nan") else words.replace("\r\n", "\n"),
            "date": DAY,
            "media_path": "x",
        }
        for at, words in enumerate(texts, 1)
    ]


def test_a_quote_in_the_middle_of_a_bare_field_is_a_character() -> None:
    assert records(f'ID,Message,Date\n1,size 5" box,{DAY}\n')[0]["message"] == 'size 5" box'


# -- damage --------------------------------------------------------------------------------------


def test_a_row_of_the_wrong_length_is_refused_and_says_so() -> None:
    found = read(
        f"ID,Date,Message,Views\n1,{DAY},a,b,c\n2,oops,hello\n3,{DAY}\n4,{DAY},x,,,\n5,{DAY},cut"
    )
    assert ids(found) == ["3", "4"]
    assert [one.reason for one in refused(found)] == [
        "4 columns expected, 5 found",
        "4 columns expected, 3 found",
        "cut off by the end of the file",
    ]
    assert refused(found)[0].raw == ["1", DAY, "a", "b", "c"]


def test_rows_of_commas_alone_are_no_rows() -> None:
    assert ids(records(f"ID,Message,Date\n,,\n1,a,{DAY}\n\n,,\n")) == ["1"]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_lost_quote_costs_its_own_post_and_no_other(quoting: int) -> None:
    text = dump([rows(60)], quoting=quoting)
    for at in [at for at, c in enumerate(text) if c == '"'][12:90]:
        found = read(text[:at] + text[at + 1 :])
        lost = set(map(str, range(1, 61))) - set(ids(found))
        assert len(lost) <= 2, (at, lost)


def test_a_quote_that_never_ends_is_given_up_with_its_line() -> None:
    text = 'ID,Message,Date\n1,"open,x\n' + "".join(f"{n},a,{DAY}\n" for n in range(2, 30_000))
    found = read(text)
    assert ids(found) == [str(n) for n in range(2, 30_000)]
    (one,) = refused(found)
    assert (one.raw, one.reason) == (
        '1,"open,x',
        "longer than any post, or a quote that does not end",
    )


def test_a_line_that_is_too_long_is_passed_over_in_little_memory() -> None:
    def chunks() -> Iterator[str]:
        yield f"ID,Message,Date\n1,a,{DAY}\n2,"
        yield from ("x" * 65_536 for _ in range(400))
        yield f",{DAY}\n3,b,{DAY}\n"

    found = list(read_rows(chunks()))
    assert ids(found) == ["1", "3"]
    (one,) = refused(found)
    assert isinstance(one.raw, str) and one.raw.startswith("2,xxx") and len(one.raw) < MAX_RECORD


class _CountingReader:
    """Counts what the CSV module was given."""

    def __init__(self) -> None:
        self.characters = 0

    def __call__(self, lines: Iterator[str], **dialect: Any) -> Iterator[list[str]]:
        return csv_reader(self._counted(lines), **dialect)

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self.characters += len(line)
            yield line


csv_reader = csv.reader


@pytest.mark.parametrize(
    "unit", ['"', '"""\n', 'a","\n', '1,"\n', '"a\n', ",", '1,2025-01-01,"\n', "\r", "\0,\n"]
)
def test_time_is_linear_however_the_quotes_stand(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _CountingReader()
    monkeypatch.setattr(csv, "reader", counting)
    text = "ID,Message,Date\n" + unit * (500_000 // len(unit))
    read(text)
    # Four delimiters are tried on the head, and a credit of 2 million is read ahead in vain.
    assert counting.characters < 12 * len(text) + 5_000_000


@given(
    flips=st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from('"\n,;\r\0a1\ud800')), max_size=8
    ),
    columns=st.sampled_from([COLUMNS, None]),
)
def test_nothing_that_damage_does_raises(
    flips: list[tuple[int, str]], columns: tuple[str, ...] | None
) -> None:
    characters = list(dump([rows(12)], columns=columns))
    for at, character in flips:
        characters[at % len(characters)] = character
    text = "".join(characters)
    looks_like_csv(text)
    for one in read(text):
        if isinstance(one, Refused | Unread):
            assert one.reason and "Paracetamol" not in one.reason


@given(ANY_TEXT)
def test_nothing_that_is_no_csv_raises(text: str) -> None:
    looks_like_csv(text)
    read(text, 7)
    read("ID,Date,Message\n" + text)


def test_a_hundred_thousand_posts_are_all_there(tmp_path: Path) -> None:
    path = write_dump(tmp_path / "dump.csv")
    with path.open(encoding="utf-8", newline="") as file:
        found = read_rows(iter(lambda: file.read(1 << 18), ""))
        seen = {int(one["id"]) for one in found if isinstance(one, dict)}  # type: ignore[arg-type]
    assert seen == set(range(1, 100_001))


def test_records_come_before_the_file_is_at_its_end() -> None:
    def endless() -> Iterator[str]:
        yield "ID,Message,Date\n"
        while True:
            yield f"1,a,{DAY}\n"

    assert len(list(islice(read_rows(endless()), 5000))) == 5000


def test_the_writer_writes_what_the_csv_module_reads() -> None:
    assert list(csv.reader(io.StringIO(dump([rows(9)], line_end="\n"))))[1:] == list(rows(9))
