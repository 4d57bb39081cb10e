import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from medwh_assets.imports import json_stream
from medwh_assets.imports.json_stream import Broken, Closed, Event, Opened, Record, walk
from medwh_assets.imports.text_stream import repaired_escapes
from tests.factories import ANY_TEXT, json_values

HUGE = 2**40
TOLD_APART = "private chats could no longer be told apart"


def cut(text: str, size: int = HUGE) -> Iterator[str]:
    step = max(1, min(size, len(text)))
    return (text[i : i + step] for i in range(0, len(text), step))


def is_public(fields: dict[str, JsonValue], of_account: bool) -> bool:
    return fields.get("type") in ("public_channel", "public_supergroup")


def everything(fields: dict[str, JsonValue], of_account: bool) -> bool:
    return True


def events(
    text: str, size: int = HUGE, wanted: Callable[[dict[str, JsonValue], bool], bool] = everything
) -> list[Event]:
    return list(walk(cut(text, size), wanted))


def records(found: list[Event]) -> list[JsonValue]:
    return [event.value for event in found if isinstance(event, Record)]


def reasons(found: list[Event]) -> list[str]:
    return [event.reason for event in found if isinstance(event, Broken)]


def post(number: int, **fields: JsonValue) -> dict[str, Any]:
    return {"id": number, "date": "2025-03-01", "text": f"ዋጋ {number} birr", **fields}


def posts(count: int) -> list[dict[str, Any]]:
    return [post(number) for number in range(1, count + 1)]


def chat(name: str, kind: str, count: int = 2) -> dict[str, Any]:
    return {"name": name, "type": kind, "id": len(name), "messages": posts(count)}


def account(*chats: dict[str, Any], left: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "about": "Here is the data you requested",
        "personal_information": {"phone_number": "SECRET", "bio": "SECRET"},
        "contacts": {"about": "SECRET", "list": [{"first_name": "SECRET", "id": 3}]},
        "chats": {"about": "This page lists all chats", "list": list(chats)},
        "left_chats": {"about": "This page lists all chats that you left", "list": list(left)},
    }


@pytest.fixture(params=[1, 7, HUGE], ids=["by character", "by seven", "whole"])
def size(request: pytest.FixtureRequest) -> int:
    return request.param


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_the_elements_of_a_list_are_records(indent: int | None, size: int) -> None:
    text = json.dumps(posts(3), indent=indent)
    assert events(text, size) == [Record(value) for value in posts(3)]


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1}\n{"id": 2}\n',
        '\n\n {"id": 1}\r\n\t{"id": 2}',
        '{"id": 1},\n{"id": 2},\n',
        '{"id": 1}{"id": 2}',
        '[\n{"id": 1},\n{"id": 2}\n]\n',
        '[{"id": 1}]\n[{"id": 2}]\n',
        '{\n  "id": 1\n}\n{\n  "id": 2\n}\n',
    ],
)
def test_objects_one_after_another_are_records(text: str, size: int) -> None:
    assert events(text, size) == [Record({"id": 1}), Record({"id": 2})]


def test_what_stands_in_a_list_is_a_record_whatever_it_is(size: int) -> None:
    values: list[JsonValue] = [1, -2.5e3, "a", None, True, [1, [2]], {}]
    assert events(json.dumps(values), size) == [Record(value) for value in values]


def test_a_single_post_is_a_record(size: int) -> None:
    assert events(json.dumps(post(1, chats=[{"id": 2}])), size) == [
        Record(post(1, chats=[{"id": 2}]))
    ]


@pytest.mark.parametrize("key", ["messages", "posts", "data"])
@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_around_a_list_tells_what_stands_before_and_after_it(
    key: str, indent: int | None, size: int
) -> None:
    content = {"channel": "a", key: posts(2), "chats": [{"id": 7}], "scraped_at": "today"}
    before = {"channel": "a"}
    after = {"channel": "a", "chats": [{"id": 7}], "scraped_at": "today"}
    assert events(json.dumps(content, indent=indent), size) == [
        Opened(before, skipped=False),
        *(Record(value) for value in posts(2)),
        Closed(after),
    ]


def test_only_the_first_list_holds_posts_and_a_value_that_is_none_is_a_field(size: int) -> None:
    text = '{"data": {"a": 1}, "messages": 2, "posts": [3], "messages": [4]}'
    assert events(text, size) == [
        Opened({"data": {"a": 1}, "messages": 2}, skipped=False),
        Record(3),
        Closed({"data": {"a": 1}, "messages": [4]}),
    ]


def test_objects_around_lists_stand_one_after_another_and_in_lists(size: int) -> None:
    lines = [{"channel": name, "messages": [1]} for name in "ab"]
    expected = [
        event
        for name in "ab"
        for event in (Opened({"channel": name}, False), Record(1), Closed({"channel": name}))
    ]
    assert events("\n".join(map(json.dumps, lines)), size) == expected
    assert events(json.dumps(lines), size) == expected


@pytest.mark.parametrize("indent", [None, 1])
def test_every_chat_of_an_account_is_told_and_nothing_else(indent: int | None, size: int) -> None:
    content = account(chat("shop", "public_channel"), left=(chat("group", "public_supergroup", 1),))
    shop = {"name": "shop", "type": "public_channel", "id": 4}
    group = {"name": "group", "type": "public_supergroup", "id": 5}
    assert events(json.dumps(content, indent=indent), size) == [
        Opened(shop, skipped=False),
        *(Record(value) for value in posts(2)),
        Closed(shop),
        Opened(group, skipped=False),
        Record(post(1)),
        Closed(group),
    ]


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_a_file_of_nothing_is_empty(text: str, size: int) -> None:
    assert events(text, size) == [Broken("empty file")]


@pytest.mark.parametrize("text", ["[]", " [ ]\n"])
def test_an_empty_list_is_nothing_and_no_damage(text: str, size: int) -> None:
    assert events(text, size) == []


def test_an_empty_list_of_posts_still_tells_whose_it_is(size: int) -> None:
    assert events('{"channel": "a", "messages": []}', size) == [
        Opened({"channel": "a"}, skipped=False),
        Closed({"channel": "a"}),
    ]


@pytest.mark.parametrize("text", ["3", '"posts"', "null", "true", "<!doctype html>", "id,date\n1"])
def test_what_is_neither_a_list_nor_an_object_is_said_to_be_so(text: str, size: int) -> None:
    assert events(text, size) == [Broken("neither a list nor an object")]


# -- values ----------------------------------------------------------------------------------------


def test_python_s_own_numbers_are_read(size: int) -> None:
    found = records(events("[-Infinity, Infinity, 1.5e-3, NaN, -0, 12]", size))
    assert [str(value) for value in found] == ["-inf", "inf", "0.0015", "nan", "0", "12"]


def test_an_integer_too_long_for_python_stays_its_digits(size: int) -> None:
    digits = "9" * 5000
    assert records(events(f'[{{"id": {digits}, "n": -17}}, {digits}]', size)) == [
        {"id": digits, "n": -17},
        digits,
    ]


def test_raw_control_characters_in_strings_are_read(size: int) -> None:
    assert records(events('[{"text": "a\nb\tc\0"}]', size)) == [{"text": "a\nb\tc\0"}]


def test_escapes_as_telegram_desktop_writes_them_are_read_by_single_characters() -> None:
    text = r'{"messages": [{"text": "a\x0Bb\\x0B\ud83d\udc8a"}]}'
    assert list(walk(repaired_escapes(cut(text, 1)))) == [
        Opened({}, skipped=False),
        Record({"text": "a\vb\\x0B💊"}),
        Closed({}),
    ]


# -- private chats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 1])
def test_nothing_of_a_private_chat_leaves_but_its_type(indent: int | None, size: int) -> None:
    private = {**chat("SECRET", "personal_chat"), "draft": "SECRET"}
    private["messages"] = [{"id": 1, "text": "SECRET"}, {"id": 2, "text": ["SECRET"]}]
    shop = chat("shop", "public_channel", 1)
    text = json.dumps(account(private, shop, private, left=(private,)), indent=indent)
    found = events(text, size, is_public)
    skipped = [Opened({"type": "personal_chat"}, skipped=True), Closed({"type": "personal_chat"})]
    head = {key: value for key, value in shop.items() if key != "messages"}
    assert found == [
        *skipped,
        Opened(head, skipped=False),
        Record(post(1)),
        Closed(head),
        *skipped,
        *skipped,
    ]
    assert "SECRET" not in repr(found)


def test_a_chat_whose_type_comes_after_its_messages_is_asked_for_without_it() -> None:
    text = (
        '{"chats": {"list": [{"name": "SECRET", "messages": [{"text": "SECRET"}], "type": "t"}]}}'
    )
    assert events(text, wanted=is_public) == [
        Opened({}, skipped=True),
        Closed({"type": "t"}),
    ]


def test_an_account_without_chats_tells_nothing(size: int) -> None:
    content = account()
    del content["chats"], content["left_chats"]
    assert events(json.dumps(content), size) == []


def test_a_private_chat_alone_tells_its_type(size: int) -> None:
    assert events(json.dumps(chat("SECRET", "personal_chat")), size, is_public) == [
        Opened({"type": "personal_chat"}, skipped=True),
        Closed({"type": "personal_chat"}),
    ]


def test_private_values_of_any_length_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD_CHARS", 400)
    shop = chat("shop", "public_channel", 1)
    private = chat("SECRET", "personal_chat")
    private["messages"] = [{"text": '\\"]}' * 50, "more": [[], {}] * 100}, "\\" * 999, post(3)]
    content = account(private, shop)
    content["contacts"]["list"] *= 99
    content["bio"] = '"\\' * 999
    found = events(json.dumps(content), size, is_public)
    assert records(found) == [post(1)]
    assert reasons(found) == []
    assert "SECRET" not in repr(found)


@given(st.data())
def test_no_flipped_character_lets_a_private_chat_out(data: st.DataObject) -> None:
    private = chat("SECRET", "personal_chat")
    private["messages"] = [{"id": 9, "text": "SECRET", "reply": {"id": 8, "text": "SECRET"}}] * 2
    indent = data.draw(st.sampled_from([1, 4]))
    content = account(private, chat("shop", "public_channel"), private)
    text = json.dumps(content, indent=indent)
    at = data.draw(st.integers(0, len(text) - 1))
    flipped = text[:at] + data.draw(st.sampled_from('"[]{},:\\ \n\0x')) + text[at + 1 :]
    assert "SECRET" not in repr(events(flipped, data.draw(st.integers(1, 999)), is_public))


@pytest.mark.parametrize("indent", [None, 1])
def test_after_damage_an_account_is_not_searched(indent: int | None, size: int) -> None:
    shops = [chat(name, "public_channel", 3) for name in ("one", "two")]
    text = json.dumps(account(*shops), indent=indent)
    damaged = text.replace('"id": 2', '"id"~ 2', 1)
    found = events(damaged, size)
    head = {"name": "one", "type": "public_channel", "id": 3}
    assert found[:-1] == [Opened(head, skipped=False), Record(post(1)), Closed(head)]
    assert isinstance(found[-1], Broken)
    assert found[-1].reason.startswith("damaged after record 1 (line ")
    assert found[-1].reason.endswith(TOLD_APART)


def test_after_damage_in_what_is_passed_over_nothing_is_searched(size: int) -> None:
    text = json.dumps(chat("SECRET", "personal_chat"), indent=1).replace('"id": 1', '"id": ~')
    found = events(text, size, is_public)
    assert found[0] == Opened({"type": "personal_chat"}, skipped=True)
    assert reasons(found)[0].endswith(TOLD_APART)
    assert len(found) == 3


# -- damage ----------------------------------------------------------------------------------------


def layouts(indent: int | None) -> list[tuple[str, list[dict[str, Any]]]]:
    values = [post(n, entities=[{"type": "bold"}, {"type": "link"}]) for n in range(1, 21)]
    return [
        (json.dumps(values, indent=indent), values),
        ("[\n" + ",\n".join(map(json.dumps, values)) + "\n]", values),
        ("\n".join(map(json.dumps, values)), values),
        (json.dumps({"name": "shop", "messages": values}, indent=indent), values),
    ]


@pytest.mark.parametrize("layout", range(4))
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("character", '"[]{},:\\ \0x')
def test_a_flipped_character_costs_at_most_two_posts(
    layout: int, indent: int | None, character: str
) -> None:
    text, values = layouts(indent)[layout]
    # Damaged before its first post, a text may be an account and is not searched.
    for at in range(text.index("{", 30 if layout == 3 else 0) + (layout == 0), len(text)):
        found = events(text[:at] + character + text[at + 1 :])
        kept = records(found)
        lost = [value for value in values if value not in kept]
        assert len(lost) <= 2, (at, reasons(found))
        assert not lost or len(kept) > len(values) - 2
        if layout == 3:
            assert sum(isinstance(event, Opened) for event in found) == 1
            assert sum(isinstance(event, Closed) for event in found) == 1


def test_damage_tells_where_it_is_and_nothing_of_what_stands_there(size: int) -> None:
    lines = [json.dumps(value) for value in posts(4)]
    lines[2] = lines[2].replace(":", "~ secret")
    found = events("\n".join(lines), size)
    assert found == [
        Record(post(1)),
        Record(post(2)),
        Broken("no JSON after record 2 (line 3)"),
        Record(post(4)),
    ]


def test_posts_after_damage_are_of_the_same_list(size: int) -> None:
    text = json.dumps({"name": "shop", "posts": posts(5)}, indent=2).replace('"id": 3', '"id" 3')
    assert events(text, size) == [
        Opened({"name": "shop"}, skipped=False),
        Record(post(1)),
        Record(post(2)),
        Broken("no JSON after record 2 (line 14)"),
        Record(post(4)),
        Record(post(5)),
        Closed({"name": "shop"}),
    ]


def test_the_next_object_with_posts_ends_a_list_whose_end_was_lost(size: int) -> None:
    lines = [json.dumps({"channel": name, "messages": posts(2)}) for name in "ab"]
    damaged = lines[0].replace("2 birr", '2" birr')[:-1] + "\n" + lines[1]
    found = events(damaged, size)
    assert [event for event in found if isinstance(event, Opened | Closed)] == [
        Opened({"channel": "a"}, False),
        Closed({"channel": "a"}),
        Opened({"channel": "b"}, False),
        Closed({"channel": "b"}),
    ]
    assert records(found) == [post(1), *posts(2)]


@pytest.mark.parametrize("text", layouts(1) + layouts(None), ids=str)
def test_a_truncated_file_ends_after_its_whole_records(
    text: tuple[str, list[dict[str, Any]]],
) -> None:
    content, values = text
    for length in range(40, len(content) - 3, 7):
        found = events(content[:length])
        kept = records(found)
        assert kept == values[: len(kept)]
        if reasons(found):
            assert isinstance(found[-1], Broken)
            assert found[-1].reason.startswith("cut off")
        else:
            # Between two lines.
            assert content[length - 1] in "}\n"


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', "[1,{},["])
def test_too_many_levels_are_damage(opening: str) -> None:
    found = events('[{"id": 1},\n' + opening * 100_000 + '\n{"id": 2}]')
    assert records(found)[0] == {"id": 1}
    assert any("levels" in reason for reason in reasons(found))


def test_a_record_too_long_to_be_held_is_left_out(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD_CHARS", 300)
    values = [post(1), post(2, text="x" * 70_000), post(3)]
    for text in (json.dumps(values, indent=1), "\n".join(map(json.dumps, values))):
        found = events(text, size)
        assert records(found) == [post(1), post(3)]
        assert reasons(found)[0].startswith("a record too long to be held after record 1 (line ")


def test_garbage_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_DAMAGED", 20)
    found = events("[" + "\n{x" * 1000)
    assert len(found) == 21
    assert reasons(found)[-1].endswith("too much damage")


HOSTILE = [
    "{", "[", '"', "\n{", "}{", "[{", '{"a":\n', '[{"a":\n', "[[],", "\n", " ", "x{},", "1", "\\",
    '"\n{', "{},x\n", "\0", "]}\n{x,", '{"messages":[', '{"chats":{"list":[', '{"a":"',
]  # fmt: skip


@pytest.mark.parametrize("start", ["", "[", '{"messages":[x\n', '{"chats":{"list":['])
@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_takes_more_than_its_length(start: str, pattern: str) -> None:
    """It ends; a walk of quadratic time would take minutes."""
    text = start + pattern * (200_000 // len(pattern))
    assert len(events(text, 2**20)) <= len(text)


def test_random_bytes_of_any_kind_are_damage() -> None:
    noise = random.Random(7).randbytes(1_000_000)
    for text in (noise.decode("latin-1"), noise.decode("utf-8", "surrogateescape")):
        assert reasons(events(text, 2**20))


# -- however it is cut -----------------------------------------------------------------------------


def documents() -> st.SearchStrategy[str]:
    """JSON texts of every shape, and what is left of some."""
    values = json_values()
    fields = st.dictionaries(st.sampled_from(["id", "type", "name", "a"]) | ANY_TEXT, values)
    lists = st.lists(fields | values, max_size=4)
    key = st.sampled_from(["messages", "posts", "data"])
    around = st.builds(lambda a, k, v, b: {**a, k: v, **b}, fields, key, lists, fields)
    chats = st.builds(
        lambda a, c, b: {**a, "chats": {"list": c}, **b}, fields, st.lists(around | values), fields
    )
    content = lists | around | chats | values | st.lists(around, max_size=2)
    written = st.builds(
        lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
        content,
        st.sampled_from([None, 0, 1]),
        st.booleans(),
    )
    return st.lists(written, min_size=1, max_size=3).map("\n".join)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(documents())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 3))
        text = text[:at] + draw(st.text('"[]{},:\\ \n\0x1.e-u', max_size=3)) + text[at + gone :]
    return text


def spelled(found: list[Event]) -> list[str]:
    # NaN is unlike itself.
    return [repr(event) for event in found]


@given(documents() | damaged(), st.integers(1, 50), st.booleans())
def test_what_is_found_is_the_same_however_the_text_is_cut(
    text: str, size: int, all_wanted: bool
) -> None:
    wanted = everything if all_wanted else is_public
    assert spelled(events(text, size, wanted)) == spelled(events(text, HUGE, wanted))


@given(st.lists(st.dictionaries(ANY_TEXT.filter(lambda k: k not in SPECIAL), json_values())))
def test_every_list_of_objects_is_read_as_python_reads_it(content: list[JsonValue]) -> None:
    text = json.dumps(content)
    assert repr(records(events(text, 9))) == repr(json.loads(text))


SPECIAL = {
    "messages", "posts", "data", "chats", "left_chats", "personal_information",
    "frequent_contacts", "web_sessions",
}  # fmt: skip


@given(st.binary(max_size=400) | st.text('"[]{},:\\ \n1', max_size=200).map(str.encode))
def test_nothing_raises_whatever_the_bytes_are(data: bytes) -> None:
    for event in events(data.decode("utf-8", "surrogateescape"), 16):
        assert isinstance(event, Opened | Record | Closed | Broken)
