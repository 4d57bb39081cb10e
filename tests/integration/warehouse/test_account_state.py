import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

from medwh_assets.errors import DatabaseUnreachableError, SourceBusyError
from medwh_assets.lake.ports import AccountState, KnownPeer
from medwh_assets.slices import Slice
from medwh_assets.warehouse.account_state import WarehouseAccountState
from medwh_assets.warehouse.connection import Connection, Database

CHANNEL, OTHER = "demo_selam_pharmacy", "demo_abay_medical"
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
PEER = KnownPeer(1001, -7_000_000_000_000_000_001, "Demo_Selam")
# Holds the account of the database in its argument until it is killed.
HOLD = """
import sys, time
from medwh_assets.warehouse.account_state import WarehouseAccountState
from medwh_assets.warehouse.connection import Database
host, port, name, user = sys.argv[1:]
with WarehouseAccountState(Database(host, int(port), name, user), "mine").operation():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def state(database: Database) -> Iterator[WarehouseAccountState]:
    """The memory of an account, whose runs wait a moment for each other."""
    with closing(WarehouseAccountState(database, "mine", patience_seconds=0.2)) as state:
        yield state


@pytest.fixture
def other(database: Database) -> Iterator[WarehouseAccountState]:
    """The memory of another account on the same warehouse."""
    with closing(WarehouseAccountState(database, "theirs", patience_seconds=0.2)) as state:
        yield state


@pytest.fixture
def held_by_another_process(database: Database) -> Iterator[subprocess.Popen[str]]:
    """A process that is inside an operation of the account."""
    place = [database.host, str(database.port), database.name, database.user]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *place],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_it_is_the_state_that_sources_ask_for(state: WarehouseAccountState) -> None:
    port: AccountState = state
    assert port.peer(CHANNEL) is None


def test_a_channels_address_is_kept_for_the_account_that_saw_it(
    state: WarehouseAccountState, other: WarehouseAccountState
) -> None:
    state.remember_peer(CHANNEL, PEER)
    assert state.peer(CHANNEL) == PEER
    assert state.peer(OTHER) is None
    assert other.peer(CHANNEL) is None
    renamed = KnownPeer(1001, 5, "Selam")
    state.remember_peer(CHANNEL, renamed)
    assert state.peer(CHANNEL) == renamed
    state.forget_peer(CHANNEL)
    state.forget_peer(CHANNEL)
    assert state.peer(CHANNEL) is None


def test_the_pause_that_ends_last_counts_and_is_told_after_its_end_too(
    state: WarehouseAccountState, other: WarehouseAccountState
) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(hours=1), now + timedelta(hours=2)
    assert state.cooldown() is None
    state.cool_down(now - timedelta(hours=1), "over")
    assert state.cooldown() == now - timedelta(hours=1)
    state.cool_down(later, "FLOOD_WAIT_7200")
    state.cool_down(soon, "FLOOD_WAIT_3600")
    state.cool_down(soon, "FLOOD_WAIT_3600")
    assert state.cooldown() == later
    assert other.cooldown() is None


def test_two_sessions_of_one_account_remember_the_same(
    state: WarehouseAccountState, other: WarehouseAccountState, database: Database
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    assert state.owner() is None
    state.belongs_to(1001)
    state.remember_peer(CHANNEL, PEER)
    state.cool_down(until, "FLOOD_WAIT_3600")
    assert (other.peer(CHANNEL), other.cooldown()) == (None, None)
    other.belongs_to(1001)
    assert (other.peer(CHANNEL), other.cooldown()) == (PEER, until)
    with closing(WarehouseAccountState(database, "theirs")) as again:
        assert (again.owner(), again.cooldown()) == (1001, until)


def test_two_sessions_of_one_account_take_turns_from_the_moment_that_is_known(
    state: WarehouseAccountState, other: WarehouseAccountState
) -> None:
    state.belongs_to(1001)
    with state.operation(), other.operation(), pytest.raises(SourceBusyError):
        other.belongs_to(1001)
    with other.operation():
        other.belongs_to(1001)
        with pytest.raises(SourceBusyError), state.operation():
            pass
    with state.operation():
        pass


def test_a_pause_of_looking_names_up_is_one_of_its_own(state: WarehouseAccountState) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    state.cool_down(until, "FLOOD_WAIT_3600", "names")
    assert state.cooldown() is None
    assert state.cooldown("names") == until


def test_a_pause_of_files_is_one_of_its_own(state: WarehouseAccountState) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    state.cool_down(until, "FLOOD_WAIT_2061", "files")
    assert (state.cooldown(), state.cooldown("names")) == (None, None)
    assert state.cooldown("files") == until


def test_what_needs_a_name_looked_up_is_no_rest_before_that_may_be_done(
    state: WarehouseAccountState,
) -> None:
    known, unknown = Slice(CHANNEL, NOON.date()), Slice(OTHER, NOON.date())
    state.remember_peer(CHANNEL, PEER)
    state.leave([known, unknown])
    assert state.rest() == sorted([known, unknown])
    state.cool_down(datetime.now(UTC) + timedelta(hours=1), "FLOOD_WAIT_3600", "names")
    assert state.rest() == [known]


def test_a_channels_status_is_that_of_the_newest_attempt(
    state: WarehouseAccountState, other: WarehouseAccountState
) -> None:
    day = timedelta(days=1)
    state.note(CHANNEL, "ok", "", NOON)
    state.note(CHANNEL, "private", "the account was removed", NOON + day)
    (note,) = state.statuses()
    assert (note.channel, note.status, note.detail) == (
        CHANNEL,
        "private",
        "the account was removed",
    )
    assert (note.at, note.last_ok_at) == (NOON + day, NOON)
    # A run that began before ends after.
    state.note(CHANNEL, "flood", "late", NOON - day)
    assert state.statuses() == [note]
    other.note(CHANNEL, "renamed", "now Selam", NOON + 2 * day)
    other.note(OTHER, "not_found", "", NOON)
    found = {note.channel: (note.status, note.last_ok_at) for note in state.statuses()}
    assert found == {CHANNEL: ("renamed", NOON + 2 * day), OTHER: ("not_found", None)}


def test_a_photo_has_one_place_for_all_accounts(
    state: WarehouseAccountState, other: WarehouseAccountState
) -> None:
    photo = 2**62
    assert state.photo(photo) is None
    state.remember_photo(photo, "images/a/1.jpg")
    assert other.photo(photo) == "images/a/1.jpg"
    other.remember_photo(photo, "images/b/2.jpg")
    assert state.photo(photo) == "images/b/2.jpg"


def test_what_a_pause_cut_off_is_kept_until_it_is_read(state: WarehouseAccountState) -> None:
    days = [date(2025, 3, day) for day in (1, 2, 3)]
    slices = [Slice(CHANNEL, day) for day in days]
    state.leave([])
    assert state.rest() == []
    state.leave(slices[1:])
    state.leave(slices)
    assert state.rest() == slices
    state.take_up([slices[0], slices[2], Slice(OTHER, days[0])])
    state.take_up([])
    assert state.rest() == [slices[1]]


def test_another_run_waits_and_is_told_who_holds_the_account(
    state: WarehouseAccountState, database: Database, other: WarehouseAccountState
) -> None:
    second = WarehouseAccountState(database, "mine", patience_seconds=0.2)
    with state.operation():
        with pytest.raises(SourceBusyError, match="another run"), second.operation():
            pass
        with other.operation():
            pass
    with second.operation():
        pass


def test_the_turn_passes_on_when_the_operation_ends(
    state: WarehouseAccountState, database: Database, loader: Connection
) -> None:
    second = WarehouseAccountState(database, "mine", patience_seconds=60)

    def operate() -> str:
        with second.operation():
            return "done"

    with ThreadPoolExecutor(1) as threads:
        with state.operation():
            waiting = threads.submit(operate)
            asked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            while loader.execute(asked).fetchone() == (0,):
                pass
            assert not waiting.done()
        assert waiting.result() == "done"


def test_an_operation_that_fails_gives_its_turn_up(state: WarehouseAccountState) -> None:
    with pytest.raises(ZeroDivisionError), state.operation():
        raise ZeroDivisionError
    with state.operation():
        assert state.peer(CHANNEL) is None


def test_a_killed_holder_blocks_nobody(
    database: Database, held_by_another_process: subprocess.Popen[str]
) -> None:
    hasty = WarehouseAccountState(database, "mine", patience_seconds=0.2)
    with pytest.raises(SourceBusyError), hasty.operation():
        pass
    held_by_another_process.send_signal(signal.SIGKILL)
    patient = WarehouseAccountState(database, "mine", patience_seconds=60)
    with patient.operation():
        pass


def test_an_operation_that_lost_its_turn_learns_of_it_at_its_next_statement(
    state: WarehouseAccountState, database: Database, loader: Connection
) -> None:
    holders = "select pid from pg_locks where locktype = 'advisory' and granted"
    with state.operation():
        ((pid,),) = loader.execute(holders).fetchall()
        with database.connect() as administrator:
            administrator.execute("select pg_terminate_backend(%s, 5000)", [pid])
        for _ in range(2):
            with pytest.raises(DatabaseUnreachableError):
                state.peer(CHANNEL)
    assert state.peer(CHANNEL) is None


def test_a_connection_that_broke_between_operations_is_made_anew(
    state: WarehouseAccountState, database: Database
) -> None:
    state.remember_peer(CHANNEL, PEER)
    with database.connect() as administrator:
        administrator.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    with pytest.raises(DatabaseUnreachableError):
        state.peer(CHANNEL)
    assert state.peer(CHANNEL) == PEER


def test_an_operation_inside_an_operation_is_refused_at_once(state: WarehouseAccountState) -> None:
    with state.operation(), pytest.raises(ValueError, match="inside"), state.operation():
        pass
