"""JSON of any size and any shape that holds posts, read record by record with flat memory.

A list of posts, posts one after another, an object around a list, a whole Telegram account: `walk`
finds the posts in each. Every value is decoded by the standard library's scanner from a short
buffer. Damage costs a record, not the file, unless a private chat could be taken for a public one.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

# The longest record that is held, in characters; Telegram's longest post is 4,096.
MAX_RECORD_CHARS = 8 * 2**20
# A file may have so many damaged records; each is one, and one more for so many characters of it,
# or a file could be made that takes hours.
MAX_DAMAGED = 10_000
_DAMAGED_CHARS = 8 * 2**10

LISTS = frozenset({"messages", "posts", "data"})
_CHATS = frozenset({"chats", "left_chats"})
# What only the export of a whole account holds, before its chats and maybe without any.
_OF_ACCOUNT = frozenset({"personal_information", "frequent_contacts", "web_sessions"})
_NOT_PLAIN = LISTS | _CHATS | _OF_ACCOUNT
# The buffer's usual length. A decoder's error counts the lines before it, so short is fast.
_PIECE = 64 * 2**10
# An error so close to the buffer's end may be no error: `-Infinit`, `\ud83d\ude0`.
_MARGIN = 16
# Python refuses integers of more than 4,300 digits, which cost quadratic time.
_LONG_DIGITS = 4_300

_NEITHER = "neither a list nor an object"
_CLOSED = "a chat that is not public, whose messages cannot be told from its other fields"
_TOO_LONG = "a record too long to be held"

_SPACE = re.compile(r"[ \t\n\r]*")
_GAP = re.compile(r"[ \t\n\r,]*")
# Where a record may begin after damage, or where the buffer ends before that is known.
_LINE = re.compile(r"\n(?:(?=\{)|\Z)")
_LINE_OR_NEXT = re.compile(r"[\n}][ \t\r,\[]*(?:(?=\{)|\Z)")
# What the end of a text leaves of `true`, `-1.5e3` or `\u12ca`.
_BEGUN = re.compile(r"[\w\\+.-]*\s*\Z")
_IN_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_NO_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)

Fields = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Opened:
    """An object's list of posts begins.

    Attributes:
        fields: the object's keys before the list; of a list that is passed over only its `type`.
        skipped: whether the list is passed over, so that no record of it follows.
    """

    fields: Fields
    skipped: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One element of a list of posts, or an object that stands for itself."""

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Closed:
    """The object of the last `Opened` is over; `fields` are all its keys but the list."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch is no JSON; the reason is in words and holds nothing of it."""

    reason: str


Event = Opened | Record | Closed | Broken


class _DamageError(Exception):
    """What stands at the walker's position cannot be read; `final` if nothing after it can be."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


def walk(
    chunks: Iterator[str],
    wanted: Callable[[Fields, bool], bool] = lambda fields, of_account: True,
    closed: Callable[[Fields], bool] = lambda fields: False,
) -> Iterator[Event]:
    """Find the posts of a JSON text.

    Elements of a list and objects one after another (JSON lines) are a `Record` each. An object
    with a list under `messages`, `posts` or `data` is `Opened`, its elements as `Record`, `Closed`;
    so is every chat of a Telegram account, of which nothing else is told.

    Args:
        chunks: the text in pieces of any length; what their iterator raises is not caught.
        wanted: asked with an object's fields when its list begins, and whether it is a chat of an
            account; if not, the list is passed over
            and the object's fields, except its `type`, are not told.
        closed: asked with the fields of an object whose list of posts damage has hidden, whether it
            is a chat that nobody may read; if so, nothing of it is told or searched.
    """
    return _Walker(chunks, wanted, closed).events()


class _Buffer:
    """A stretch of the text, a position in it, and on which line that is."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self.text = ""
        self.at = 0
        self._chunks = chunks
        # Pieces that were read and not yet looked at, the next one last.
        self._pieces: list[str] = []
        self._lines = 1
        self._counted = 0

    @property
    def full(self) -> bool:
        """Whether a value begins at the position that is longer than what is held."""
        return len(self.text) - self.at > MAX_RECORD_CHARS

    def line(self) -> int:
        """Return the number of the position's line."""
        self._lines += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._lines

    def more(self) -> bool:
        """Read on, twice what is left if need be; False if the text is over or the buffer full."""
        if self.full:
            return False
        left = len(self.text) - self.at
        parts = [self.text[self.at :]]
        read = 0
        while read <= min(left, MAX_RECORD_CHARS - left) and (piece := self._piece()):
            parts.append(piece)
            read += len(piece)
        if read:
            self._hold("".join(parts))
        return read > 0

    def peek(self, gap: re.Pattern[str] = _SPACE) -> str:
        """Go to the next character that is not of the gap; return it, or "" if the text is over."""
        while True:
            self.at = _end(gap, self.text, self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def ahead(self, length: int) -> int | None:
        """Return where the next character stands after so many others and spaces."""
        while True:
            position = _end(_SPACE, self.text, self.at + length)
            if position < len(self.text):
                return position
            if not self.more():
                return None

    def seek(self, beginning: re.Pattern[str]) -> bool:
        """Go to where the next record seems to begin, if any does."""
        if len(self.text) - self.at > 2 * _PIECE:
            rest = self.text[self.at :]
            self._hold("")
            self._pieces += _pieces(rest)
        if self.text[self.at : self.at + 1] == "[":
            follows = self.ahead(1)
            if follows is not None and self.text[follows] == "{":
                self.at = follows
                return True
        while True:
            found = beginning.search(self.text, self.at)
            if found is not None and found.end() < len(self.text):
                self.at = found.end()
                return True
            self.at = len(self.text) if found is None else found.start()
            # However long the beginning of a line, its first character will do.
            self._hold("" if found is None else found[0][0])
            if not self.more():
                self.at = len(self.text)
                return False

    def pass_over(self) -> bool:
        """Go to the end of a string, list or object of any length; whether the text holds it whole."""
        depth = 0
        quoted = False
        while True:
            self.at = _end(_IN_STRING if quoted else _NO_BRACKET, self.text, self.at)
            mark = self.text[self.at : self.at + 1]
            if mark in ("", "\\"):
                if not self.more():
                    return False
                continue
            self.at += 1
            if mark == '"':
                quoted = not quoted
            else:
                depth += 1 if mark in "[{" else -1
            if depth == 0 and not quoted:
                return True

    def _hold(self, text: str) -> None:
        """Replace what was held; the position is its beginning."""
        self.line()
        self.text = text
        self.at = self._counted = 0

    def _piece(self) -> str:
        while not self._pieces:
            chunk = next(self._chunks, None)
            if chunk is None:
                return ""
            self._pieces = _pieces(chunk)
        return self._pieces.pop()


def _pieces(text: str) -> list[str]:
    """Cut a text into pieces, the first one last."""
    return [text[i : i + _PIECE] for i in reversed(range(0, len(text), _PIECE))]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


class _Walker:
    """What is known of a text so far: how many records, and whether to go on after damage."""

    def __init__(
        self,
        chunks: Iterator[str],
        wanted: Callable[[Fields, bool], bool],
        closed: Callable[[Fields], bool],
    ) -> None:
        self._buffer = _Buffer(chunks)
        self._wanted = wanted
        self._closed = closed
        self._records = 0
        self._patience = MAX_DAMAGED
        # Of all the text: a list of posts stands at its top; something was damaged; is private.
        self._listed = self._damaged = self._private = False

    # -- shapes ----------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        inside = False
        while True:
            try:
                yield from self._top(inside)
                return
            except _DamageError as damage:
                yield Broken(damage.reason)
                # Outside of a list only a line's very first character begins a record: what is
                # indented may be part of an account whose beginning could not be read.
                beginning = _LINE_OR_NEXT if self._listed else _LINE
                if damage.final or not self._buffer.seek(beginning):
                    return
            self._damaged = True
            inside = self._listed

    def _top(self, inside: bool) -> Iterator[Event]:
        buffer = self._buffer
        empty = not self._damaged
        while mark := buffer.peek(_GAP):
            # In an account whose first brace was flipped to a bracket a key would come first.
            self._listed = self._listed or (inside and mark != '"')
            if mark == "{":
                record = self._plain_record()
                if record is None:
                    yield from self._object(top=True)
                else:
                    yield self._object_alone(record)
            elif inside and self._damaged:
                if not buffer.seek(_LINE_OR_NEXT if self._listed else _LINE):
                    return
            elif mark == ("]" if inside else "["):
                inside = not inside
                buffer.at += 1
            elif inside:
                self._no_opening(mark)
                value, buffer.at = self._value()
                yield self._record(value)
            else:
                raise self._damage(_NEITHER if empty else "no JSON")
            empty = False
            if inside and mark != "[" and not self._damaged:
                self._separated()
        if empty:
            yield Broken("empty file")
        elif inside and not self._damaged:
            raise self._cut_off()

    def _plain_record(self) -> Fields | None:
        """Decode an object at once, if all of it is in the buffer and it holds no list of posts."""
        try:
            value, end = _decode(self._buffer.text, self._buffer.at)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or not value.keys().isdisjoint(_NOT_PLAIN):
            return None
        self._buffer.at = end
        return value

    def _object(self, *, top: bool) -> Iterator[Event]:
        """Read an object key by key, so that its list of posts may be of any length."""
        buffer = self._buffer
        fields: Fields = {}
        room = MAX_RECORD_CHARS
        opened: Opened | None = None
        account = False
        try:
            for key in self._keys():
                mark = buffer.text[buffer.at]
                account = account or (top and key in _OF_ACCOUNT)
                # An account begins with what it is about.
                self._private = self._private or account or (key == "about" and not fields)
                if mark == "[" and key in LISTS and opened is None:
                    opened = self._opened(fields, of_account=not top)
                    fields = dict(opened.fields)
                    yield opened
                    if (yield from self._posts(opened.skipped)):
                        break
                elif mark == "{" and key in _CHATS and top:
                    account = self._private = True
                    yield from self._chats()
                else:
                    value, length = self._field()
                    room -= len(key) + length
                    secret = account or (opened is not None and opened.skipped and key != "type")
                    if room >= 0 and not secret:
                        fields[key] = value
                if account:
                    fields.clear()
        except _DamageError as damage:
            if opened is not None:
                yield Closed(fields)
                raise
            raise self._damage_within(fields, damage) from None
        if opened is not None:
            yield Closed(fields)
        elif top and not account:
            if room < 0:
                raise self._damage(_TOO_LONG)
            yield self._object_alone(fields)

    def _opened(self, fields: Fields, *, of_account: bool) -> Opened:
        if self._wanted(fields, of_account):
            return Opened(dict(fields), skipped=False)
        self._private = True
        return Opened({key: fields[key] for key in ("type",) if key in fields}, skipped=True)

    def _chats(self) -> Iterator[Event]:
        buffer = self._buffer
        for key in self._keys():
            if key != "list" or buffer.text[buffer.at] != "[":
                self._field()
                continue
            buffer.at += 1
            while (mark := self._mark(_GAP)) != "]":
                if mark == "{":
                    yield from self._object(top=False)
                else:
                    _, buffer.at = self._value(held=False)
            buffer.at += 1

    def _posts(self, skipped: bool) -> Generator[Event, None, bool]:
        """Read a list of posts; the result is whether the object around it is over, too.

        After damage the end of a list may be that of one within a post. It is taken for the end of
        the posts only where the object around them ends with it.
        """
        buffer = self._buffer
        buffer.at += 1
        begun = damaged = False
        while True:
            try:
                if begun and not damaged:
                    self._separated()
                mark = self._mark(_GAP) if not damaged else buffer.peek(_GAP)
                if mark == "]":
                    if not damaged:
                        self._ahead(1, ",}")
                    buffer.at += 1
                    if not damaged or self._everything_ends():
                        return damaged
                    continue
                if damaged and mark != "{":
                    if not buffer.seek(_LINE_OR_NEXT):
                        return True
                    continue
                self._no_opening(mark)
                value, end = self._post(held=not skipped)
            except _DamageError as damage:
                if damage.final:
                    raise
                yield Broken(damage.reason)
                damaged = self._damaged = True
                if not buffer.seek(_LINE_OR_NEXT):
                    return True
                continue
            if damaged and isinstance(value, dict) and not value.keys().isdisjoint(LISTS):
                # The next object with posts: the end of this one was lost.
                return True
            buffer.at = end
            begun = True
            if not skipped:
                yield self._record(value)

    def _post(self, *, held: bool) -> tuple[JsonValue, int]:
        value, end = self._value(held=held)
        if held and self._private and _holds_posts(value):
            # A post before it has lost a bracket, and this is the account's next chat.
            raise self._damage()
        return value, end

    def _everything_ends(self) -> bool:
        """Whether after a list's end the object around it ends, and no other member of a list follows."""
        if self._buffer.peek() == "}":
            self._buffer.at += 1
            return self._buffer.peek() in ("", "{")
        return not self._buffer.peek()

    # -- values ----------------------------------------------------------------------------------

    def _keys(self) -> Iterator[str]:
        """Yield the keys of an object; whoever is given one takes its value before the next."""
        buffer = self._buffer
        buffer.at += 1
        buffer.at = self._ahead(0, '"}')
        while buffer.text[buffer.at] != "}":
            key, end = self._value()
            buffer.at = self._ahead(end - buffer.at, ":") + 1
            self._mark()
            yield str(key)
            buffer.at = self._ahead(0, ",}")
            if buffer.text[buffer.at] == ",":
                buffer.at += 1
                buffer.at = self._ahead(0, '"}')
        buffer.at += 1

    def _field(self) -> tuple[JsonValue, int]:
        """Take a key's value, and its length; one that is too long is passed over and is null."""
        value, end = self._value(held=False)
        length = end - self._buffer.at
        # A string whose own end was lost ends where the next begins, maybe in the next record: the
        # position stays where it began until what follows is right.
        self._buffer.at = self._ahead(length, ",}")
        return value, length or MAX_RECORD_CHARS + 1

    def _value(self, *, held: bool = True) -> tuple[JsonValue, int]:
        """Decode the value at the position, reading on as needed; return it and its end.

        One that is too long is damage, or if it need not be held, passed over, and of no length.
        """
        buffer = self._buffer
        while True:
            try:
                value, end = _decode(buffer.text, buffer.at)
            except RecursionError:
                # A thousand levels are dear, and each of them may begin the next thousand.
                raise self._damage("too many levels", scanned=16 * _DAMAGED_CHARS) from None
            except json.JSONDecodeError as error:
                unterminated = error.msg.startswith("Unterminated")
                if unterminated or error.pos > len(buffer.text) - _MARGIN:
                    if buffer.more():
                        continue
                    if buffer.full and not held and buffer.text[buffer.at] in '"[{':
                        if buffer.pass_over():
                            return None, buffer.at
                        raise self._cut_off() from None
                    if buffer.full:
                        raise self._damage(_TOO_LONG, scanned=MAX_RECORD_CHARS) from None
                    if unterminated or _BEGUN.match(buffer.text, error.pos):
                        raise self._cut_off() from None
                raise self._damage(scanned=error.pos - buffer.at) from None
            # `12` may be the beginning of `12.5e3`.
            if end > len(buffer.text) - _MARGIN and buffer.text[end - 1] not in '"]}':
                if buffer.more():
                    continue
                if buffer.full:
                    raise self._damage(_TOO_LONG, scanned=MAX_RECORD_CHARS)
            return value, end

    def _mark(self, gap: re.Pattern[str] = _SPACE) -> str:
        mark = self._buffer.peek(gap)
        if not mark:
            raise self._cut_off()
        return mark

    def _ahead(self, length: int, expected: str) -> int:
        position = self._buffer.ahead(length)
        if position is None:
            raise self._cut_off()
        if self._buffer.text[position] not in expected:
            raise self._damage(scanned=length)
        return position

    def _separated(self) -> None:
        """Insist on a comma or the list's end after an element, or a flipped `[` would take the rest."""
        # Where it is missing the search begins at the element's own last brace.
        self._buffer.at -= 1
        self._ahead(1, ",]")
        self._buffer.at += 1

    def _no_opening(self, mark: str) -> None:
        """Insist that no list of objects begins among them: it would be a flipped space."""
        if mark == "[":
            follows = self._buffer.ahead(1)
            if follows is not None and self._buffer.text[follows] == "{":
                raise self._damage()

    def _object_alone(self, fields: Fields) -> Record | Broken:
        holds_list = any(isinstance(value, list) for value in fields.values())
        if holds_list and self._closed(fields):
            return Broken(_CLOSED)
        return self._record(fields)

    def _record(self, value: JsonValue) -> Record:
        self._records += 1
        return Record(value)

    # -- damage ----------------------------------------------------------------------------------

    def _damage(self, what: str = "no JSON", *, scanned: int = 0) -> _DamageError:
        self._patience -= 1 + scanned // _DAMAGED_CHARS
        if self._private:
            rest = "the rest is not searched, because private chats could no longer be told apart"
            return _DamageError(f"damaged {self._place()}; {rest}", final=True)
        if self._patience < 0:
            return _DamageError(f"given up {self._place()}: too much damage", final=True)
        return _DamageError(what if what == _NEITHER else f"{what} {self._place()}")

    def _damage_within(self, fields: Fields, damage: _DamageError) -> _DamageError:
        """Let damage be the end of a chat that nobody may read, whose messages were to come."""
        if not self._closed(fields):
            return damage
        self._private = True
        return self._damage()

    def _cut_off(self) -> _DamageError:
        return _DamageError(f"cut off {self._place()}", final=True)

    def _place(self) -> str:
        after = f"after record {self._records}" if self._records else "before the first record"
        return f"{after} (line {self._buffer.line()})"


def _holds_posts(value: JsonValue) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(name), list) for name in LISTS)


_DECODER = json.JSONDecoder(strict=False)
_LONG_DECODER = json.JSONDecoder(
    strict=False, parse_int=lambda digits: int(digits) if len(digits) < _LONG_DIGITS else digits
)


def _decode(text: str, at: int) -> tuple[JsonValue, int]:
    """Decode one value; an integer too long for Python stays a string of digits."""
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _LONG_DECODER.raw_decode(text, at)
