"""What chats, titles and files are called in the lake: as `--chat` says, as the dump tells, by id.

A chat is known by Telegram's own id. The same id is the same channel in every file of a dump, and two
ids are never one channel.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from medwh_assets.errors import ImportShapeError
from medwh_assets.imports.channel_names import Names, Says, as_channel, channel_of, is_id
from medwh_assets.imports.source_file import FoundChat, SourceFile
from medwh_assets.slices import channel_name

Asked = Mapping[str, str] | Sequence[tuple[str, str]]

_LISTED = 20
_MARKED = re.compile(r"-100(\d+)")


def name_chats(
    files: Sequence[SourceFile], asked: Asked, known: Mapping[int, str]
) -> tuple[Names, dict[str, str]]:
    """Find the channel of every chat; files and chats are told theirs.

    Args:
        files: what was looked through.
        asked: names of `--chat` and the channels that they give.
        known: channels of the lake, by Telegram's own id.

    Returns:
        How channels are called, and which channels of the lake are called by their id only, and how
        they are called now.

    Raises:
        ImportShapeError: `--chat` fits nothing or several, or names contradict each other.
    """
    naming = _Naming(files, known)
    pairs = list(asked.items() if isinstance(asked, Mapping) else asked)
    wishes = {name.strip(): channel_name(channel) for name, channel in pairs}
    for name, channel in pairs:
        if wishes[name.strip()] != channel_name(channel):
            raise ImportShapeError(
                f"--chat {name.strip()!r} is given twice, with different usernames"
            )
    for name, channel in wishes.items():
        naming.ask(name, channel)
    names = Names(naming.asked, naming.titles, naming.ids())
    for file in files:
        for chat in file.chats:
            _name_chat(file, chat, names)
        file.into = {channel_of(says, file.name, names) for says in file.noted.says}
        file.into |= {chat.channel for chat in file.chats if chat.channel is not None}
    _insist(wishes, files)
    return names, _renames(files, names, known)


class _Naming:
    """What the files of a dump and `--chat` say of names, gathered."""

    def __init__(self, files: Sequence[SourceFile], known: Mapping[int, str]) -> None:
        self._files = files
        self._known = known
        self.asked: dict[int, str] = {}
        self.titles: dict[str, str] = {}
        # By id: how it is titled, and what tells its username.
        self._titled: defaultdict[int, set[str]] = defaultdict(set)
        self._told: defaultdict[int, set[str]] = defaultdict(set)
        self._guessed: defaultdict[int, set[str]] = defaultdict(set)
        self._untold: set[str] = set()
        self._chats: set[int] = set()
        for file in files:
            self._gather(file)

    def _gather(self, file: SourceFile) -> None:
        for chat in file.chats:
            title = (chat.chat.title or "").strip()
            if chat.chat.channel_id is not None:
                self._chats.add(chat.chat.channel_id)
                self._titled[chat.chat.channel_id].add(title)
            elif title:
                self._untold.add(title)
        for says in file.noted.says:
            self._gather_said(file, says)
        for channel_id, username in file.usernames.items():
            self._told[channel_id].add(username)
        for channel_id, title in file.titles.items():
            if channel_id in self._chats:
                self._titled[channel_id].add(title)

    def _gather_said(self, file: SourceFile, says: Says) -> None:
        if says.title is not None and not says.by_telegram:
            self._untold.add(says.title)
        if says.id is None:
            return
        titles = self._titled[says.id]
        if says.username is not None:
            self._told[says.id].add(says.username)
        if says.by_telegram:
            self._chats.add(says.id)
            titles |= {says.title} if says.title is not None else set()
            if file.channel is not None and not file.name.mixed:
                self._guessed[says.id].add(file.channel)

    # -- what is asked for -----------------------------------------------------------------------

    def ask(self, name: str, channel: str) -> None:
        """Give a channel to what has this title, id, path or name."""
        found = {chat for chat, titles in self._titled.items() if name in titles}
        number = _MARKED.fullmatch(name)
        bare = number[1] if number else name
        if re.fullmatch(r"[0-9]{1,19}", bare) and int(bare) in self._titled:
            found.add(int(bare))
        if len(found) > 1:
            raise ImportShapeError(f"--chat {name!r} fits several chats: {_choices(found)}")
        if name in self._untold:
            self.titles[name] = channel
        for chat in found:
            self._ask_id(chat, channel)
        if not found and name not in self._untold:
            self._ask_file(name, channel)

    def _ask_id(self, chat: int, channel: str) -> None:
        if self.asked.setdefault(chat, channel) != channel:
            raise ImportShapeError(
                f"--chat gives the chat with the id {chat} both {self.asked[chat]} and {channel}"
            )

    def _ask_file(self, name: str, channel: str) -> None:
        found = [file for file in self._files if file.relative == name]
        by_stem = not found
        found = found or [file for file in self._files if file.path.stem == name]
        if not found:
            raise ImportShapeError(f"--chat {name!r} fits nothing. {self._there()}")
        if len(found) > 1:
            paths = _few([_option(file.relative) for file in found])
            raise ImportShapeError(f"--chat {name!r} fits several files: {paths}")
        (file,) = found
        if by_stem and file.name.origin == "folder":
            raise ImportShapeError(
                f"--chat {name!r}: {file.relative} lies in a folder that names the channel "
                f"{file.channel}; if that is wrong: {_option(file.relative)}"
            )
        chats = {chat.chat.channel_id for chat in file.chats if chat.public}
        chats |= {says.id for says in file.noted.says if says.by_telegram}
        if len(chats) > 1:
            raise ImportShapeError(
                f"--chat {name!r}: {file.relative} holds several chats: {_choices(chats - {None})}"
            )
        for chat in chats - {None}:
            if chat is not None:
                self._ask_id(chat, channel)
        if not chats - {None}:
            file.name = replace(file.name, channel=channel, origin="chat")

    def _there(self) -> str:
        chats = [
            f"{title!r} ({_option(str(chat))})" if title else _option(str(chat))
            for chat, titles in sorted(self._titled.items())
            for title in (sorted(titles) or [""])
        ]
        titles = [repr(title) for title in sorted(self._untold)]
        files = [file.relative for file in self._files]
        lists = {"Public chats": chats, "titles": titles, "files": files}
        said = [f"{what}: {_few(some)}" for what, some in lists.items() if some]
        return "There are " + "; ".join(said) if said else "There is nothing to be named"

    # -- what is known ---------------------------------------------------------------------------

    def ids(self) -> dict[int, str]:
        """Name every chat: as asked, as the dump tells, as the lake knows it, as files, by its id.

        Raises:
            ImportShapeError: a name belongs to another chat.
        """
        names: dict[int, str] = {}
        for chat in sorted(self._chats | self.asked.keys()):
            name = self.asked.get(chat) or self._username(chat)
            if name is not None:
                self._check(chat, name)
            elif not _by_id(chat, self._known.get(chat)):
                name = self._known.get(chat)
            if name is None:
                continue
            twin = next((other for other, taken in names.items() if taken == name), None)
            if twin is not None:
                raise ImportShapeError(f"{name} cannot be two chats: {_choices({twin, chat})}")
            names[chat] = name
        taken = {**self._known, **names}
        for chat in sorted(self._chats - names.keys()):
            guess = self._guess(chat)
            if guess is not None and _owner(taken, guess, chat) is None:
                names[chat] = guess
            elif (by_id := as_channel(f"c{chat}")) is not None:
                names[chat] = by_id
        return names

    def _username(self, chat: int) -> str | None:
        told = self._told.get(chat, set())
        if len(told) > 1:
            raise ImportShapeError(
                f"the chat with the id {chat} is called {' and '.join(sorted(told))}: {_option(str(chat))}"
            )
        return next(iter(told), None)

    def _guess(self, chat: int) -> str | None:
        """Return the name of the files that hold a chat, if none of them holds another."""
        guesses = self._guessed.get(chat, set())
        guess = next(iter(guesses)) if len(guesses) == 1 else None
        others = (names for other, names in self._guessed.items() if other != chat)
        return None if guess is None or any(guess in names for names in others) else guess

    def _check(self, chat: int, name: str) -> None:
        """Refuse a name if the lake holds the chat under another, or another chat under this one."""
        present = self._known.get(chat)
        if present is not None and present != name and not _by_id(chat, present):
            raise ImportShapeError(
                f"the lake knows the chat with the id {chat} as {present}, so it cannot come in as "
                f"{name}: use --chat {chat}={present}"
            )
        owner = _owner(self._known, name, chat)
        if owner is not None and present != name:
            raise ImportShapeError(
                f"the lake knows {name} as the chat with the id {owner}, so the chat {chat} cannot "
                f"come in under this name too: {_option(str(chat))}"
            )


def _by_id(chat: int, channel: str | None) -> bool:
    return channel is None or channel == f"c{chat}"


def _owner(known: Mapping[int, str], name: str, but: int) -> int | None:
    """Return the chat that has a name, if it is another."""
    return next(
        (chat for chat, taken in known.items() if taken == name and chat != but and is_id(chat)),
        None,
    )


def _name_chat(file: SourceFile, found: FoundChat, names: Names) -> None:
    """Give a public chat its channel, or the reason why it has none."""
    if not found.public:
        return
    chat = found.chat
    title = (chat.title or "").strip()
    if chat.channel_id is not None:
        found.channel = names.ids.get(chat.channel_id)
        if found.channel is None:
            found.reason = (
                f"c{chat.channel_id} can be no channel's name: {_option(str(chat.channel_id))}"
            )
        return
    alone = sum(other.public for other in file.chats) == 1
    given = file.channel if file.name.origin == "chat" and alone else None
    found.channel = names.titles.get(title) or given
    if found.channel is None:
        found.reason = f"has no id: {_option(title or file.relative)}"


def _insist(wishes: Mapping[str, str], files: Sequence[SourceFile]) -> None:
    """Refuse a `--chat` that came to nothing: all that it fits says itself which channel it is."""
    into = {channel for file in files for channel in file.into}
    for name, channel in wishes.items():
        if channel not in into:
            raise ImportShapeError(
                f"--chat {name!r} changes nothing: the records that it fits name their channel themselves"
            )


def _renames(files: Sequence[SourceFile], names: Names, known: Mapping[int, str]) -> dict[str, str]:
    """Return channels that the lake calls by their id, and what they are called now."""
    called: defaultdict[int, set[str]] = defaultdict(set)
    for file in files:
        for says in file.noted.says:
            channel = channel_of(says, file.name, names)
            if says.id is not None and channel is not None:
                called[says.id].add(channel)
        for chat in file.chats:
            if chat.chat.channel_id is not None and chat.channel is not None:
                called[chat.chat.channel_id].add(chat.channel)
    return {
        known[chat]: next(iter(channels))
        for chat, channels in sorted(called.items())
        if known.get(chat) == f"c{chat}" and len(channels) == 1 and channels != {known[chat]}
    }


# -- words -------------------------------------------------------------------------------------------


def _option(name: str) -> str:
    return f"--chat {shlex.quote(name)}=<username>"


def _choices(chats: Collection[int | None]) -> str:
    return _few([_option(str(chat)) for chat in sorted(chat for chat in chats if chat is not None)])


def _few(some: Sequence[str]) -> str:
    more = [f"and {len(some) - _LISTED} more"] if len(some) > _LISTED else []
    return ", ".join([*some[:_LISTED], *more])


def way_out(file: SourceFile, files: Sequence[SourceFile]) -> str | None:
    """Say how to name the channels of a file's records that name none, if there are any."""
    if None not in file.into:
        return None
    nameless = [says for says in file.noted.says if not (says.username or says.name)]
    titles = sorted({says.title for says in nameless} - {None}, key=str)
    ids = sorted({says.id for says in nameless if says.title is None} - {None}, key=str)
    options = [_option(str(name)) for name in (*titles, *ids)]
    if options:
        return f"no username of {_few([str(name) for name in (*titles, *ids)])}: {_few(options)}"
    return f"no record names its channel: {_option(handle(file, files))}"


def handle(file: SourceFile, files: Sequence[SourceFile]) -> str:
    """Return the shortest name that `--chat` knows a file by."""
    alone = sum(other.path.stem == file.path.stem for other in files) == 1
    return file.path.stem if alone and file.name.origin != "folder" else file.relative
