import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from medwh_assets.errors import DatabaseUnreachableError, SettingError
from medwh_assets.warehouse.account import choose_account
from medwh_assets.warehouse.binaries import find_binaries
from medwh_assets.warehouse.connection import Database
from medwh_assets.warehouse.postmaster import life
from medwh_assets.warehouse.server import EmbeddedServer

MakeServer = Callable[..., EmbeddedServer]

# Another process that ensures the same server and says what it found.
ENSURE = """
import sys
from pathlib import Path
from medwh_assets.warehouse.server import EmbeddedServer
binaries = Path(sys.argv[2]) if len(sys.argv) > 2 else None
print(EmbeddedServer(Path(sys.argv[1]), binaries=binaries, durable=False).ensure())
"""


def connect(server: EmbeddedServer) -> psycopg.Connection:
    place = Database(str(server.socket_folder), server.port, "postgres", server.user)
    return place.connect()


def kill(server: EmbeddedServer) -> None:
    """Kill the server's first process and wait until it is dead."""
    status = server.status()
    assert status.pid is not None
    assert status.data is not None
    os.kill(status.pid, signal.SIGKILL)
    while life(status.pid, status.data) == "server":
        pass


def test_a_server_is_made_stopped_and_started_again_with_its_data(
    state: Path, make_server: MakeServer
) -> None:
    server = make_server(state)
    assert not server.status().running
    assert server.ensure() == "created"
    with connect(server) as connection:
        connection.execute("create table kept as select 7 as number")
    assert server.ensure() == "running"

    assert server.stop()
    assert not server.stop()
    assert not server.status().running

    assert server.ensure() == "started"
    with connect(server) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_a_killed_server_is_started_again(server: EmbeddedServer) -> None:
    server.ensure()
    with connect(server) as connection:
        connection.execute("create table kept as select 7 as number")
    kill(server)
    assert server.ensure() == "started"
    with connect(server) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_processes_that_ensure_at_once_share_one_server(
    state: Path, make_server: MakeServer, postgres_binaries: Path | None
) -> None:
    server = make_server(state)
    chosen = [str(postgres_binaries)] if postgres_binaries else []
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ENSURE, str(state), *chosen], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = sorted(process.communicate()[0].strip() for process in processes)
    assert said == ["created", "running", "running", "running"]
    assert server.status().running


def test_the_server_outlives_the_process_that_started_it(
    server: EmbeddedServer, state: Path, postgres_binaries: Path | None
) -> None:
    chosen = [str(postgres_binaries)] if postgres_binaries else []
    subprocess.run([sys.executable, "-c", ENSURE, str(state), *chosen], check=True)
    assert server.ensure() == "running"


def test_an_attempt_that_died_while_making_the_data_is_in_nobodys_way(
    state: Path, make_server: MakeServer
) -> None:
    server = make_server(state)
    unfinished = server.home / "pg18.12345.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    assert server.ensure() == "created"
    assert not unfinished.exists()


def test_a_pid_that_another_program_has_by_now_does_not_keep_the_server_down(
    server: EmbeddedServer,
) -> None:
    server.ensure()
    data = server.status().data
    assert data is not None
    left_behind = (data / "postmaster.pid").read_text().split("\n")
    server.stop()
    left_behind[0] = str(os.getpid())
    (data / "postmaster.pid").write_text("\n".join(left_behind))

    assert life(os.getpid(), data) == "other"
    assert not server.stop()
    assert server.ensure() == "started"


def test_a_dead_child_that_nobody_buried_is_no_server(state: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()  # its end closes the pipe, and it is a zombie until we wait for it
        while (found := life(child.pid, state)) == "other":
            pass
        assert found == "zombie"
    assert life(child.pid, state) == "none"


def test_a_socket_that_was_swept_away_is_made_anew(server: EmbeddedServer) -> None:
    server.ensure()
    for path in server.socket_folder.iterdir():
        path.unlink()
    assert not server.status().running
    assert server.ensure() == "started"


def test_a_state_folder_with_a_long_and_odd_path_holds_a_server(
    state: Path, make_server: MakeServer
) -> None:
    server = make_server(state / 'it\'s "quoted" $HOME, `odd` and ሰላም' / ("long" * 25))
    try:
        assert server.ensure() == "created"
        assert len(str(server.socket_folder)) < 60
    finally:
        server.stop()
        shutil.rmtree(server.socket_folder)


def test_a_socket_folder_of_somebody_else_is_refused(state: Path, make_server: MakeServer) -> None:
    server = make_server(state / ("long" * 30))
    server.socket_folder.symlink_to(state)
    try:
        with pytest.raises(SettingError, match="MEDWH_STATE"):
            server.ensure()
    finally:
        server.socket_folder.unlink()


def test_the_server_listens_to_nobody_but_its_owner(postgres_server: EmbeddedServer) -> None:
    with connect(postgres_server) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    folder = postgres_server.socket_folder
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


def test_the_server_knows_amharic_letters(database: Database) -> None:
    with database.connect() as connection:
        trigrams = connection.execute("select show_trgm('ፓራሲታሞል')").fetchone()
        words = connection.execute("select to_tsvector('simple', 'ሰላም። ዋጋ፣')::text").fetchone()
    assert trigrams is not None
    assert len(trigrams[0]) == 7
    assert words == ("'ሰላም':1 'ዋጋ':2",)


def test_an_idle_server_is_stopped_and_one_with_a_client_is_not(server: EmbeddedServer) -> None:
    server.ensure()
    with connect(server):
        assert server.status().clients == 1
        assert not server.stop_if_idle(patience=0.1)
    assert server.stop_if_idle()
    assert not server.stop_if_idle()


def test_the_last_block_to_end_stops_a_server_that_a_block_had_started(
    server: EmbeddedServer, state: Path, make_server: MakeServer
) -> None:
    first, second = server, make_server(state)
    with first.running() as found:
        assert found == "started"
        with second.running() as found_by_second:
            assert found_by_second == "running"
        assert first.status().running
    assert not first.status().running


def test_a_block_leaves_a_server_running_that_was_started_to_stay(server: EmbeddedServer) -> None:
    server.ensure()
    with server.running():
        pass
    assert server.status().running
    server.stop()

    with server.running():
        server.ensure(keep=True)
    assert server.status().running


def test_a_block_that_fails_stops_its_server_too(server: EmbeddedServer) -> None:
    with pytest.raises(ZeroDivisionError), server.running():
        raise ZeroDivisionError
    assert not server.status().running


def test_data_of_another_version_are_refused_with_both_versions(
    state: Path, make_server: MakeServer
) -> None:
    server = make_server(state)
    (server.home / "pg12").mkdir(parents=True)
    (server.home / "pg12" / "PG_VERSION").write_text("12\n")
    with pytest.raises(SettingError, match=r"made by PostgreSQL 12.*is \d\d.*MEDWH_PG_BIN"):
        server.ensure()


def test_a_chosen_folder_without_a_server_is_refused_by_its_settings_name(state: Path) -> None:
    with pytest.raises(SettingError, match="MEDWH_PG_BIN"):
        EmbeddedServer(state, binaries=state).ensure()


def test_a_server_that_cannot_start_says_why(server: EmbeddedServer) -> None:
    server.ensure()
    server.stop()
    data = server.status().data
    assert data is not None
    (data / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnreachableError, match="pg_control"):
        server.ensure()


def test_another_login_role_than_the_servers_own_is_named_as_the_reason(
    server: EmbeddedServer, state: Path
) -> None:
    server.ensure()
    with pytest.raises(SettingError, match="POSTGRES_USER"):
        EmbeddedServer(state, user="somebody_else").ensure()


def test_without_user_namespaces_the_server_runs_as_a_user_who_is_not_root(
    state: Path, make_server: MakeServer
) -> None:
    server = make_server(state, namespaces=False)
    assert server.ensure() == "created"
    data = server.status().data
    assert data is not None
    assert data.stat().st_uid != 0
    server.stop()

    # Whoever owns the data by now runs them again, with namespaces or without.
    assert make_server(state).ensure() == "started"


def test_programs_that_the_server_s_user_may_not_read_are_copied(state: Path) -> None:
    home = state / "postgres"
    hidden = state / "hidden"
    programs = hidden / "package" / "server" / "bin"
    for folder in (home, programs, hidden / "package.libs"):
        folder.mkdir(parents=True)
    (programs / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
    (programs / "postgres").chmod(0o755)
    (programs / "initdb").touch()
    (hidden / "package.libs" / "libpq.so").touch()
    hidden.chmod(0o700)

    found = find_binaries(programs)
    account, usable = choose_account(home, home / "pg18", found, namespaces=False)
    assert account.run([usable.postgres, "--version"]).strip().endswith("18.6")
    libraries = usable.folder.parent.parent.with_name("package.libs")
    assert [path.name for path in libraries.iterdir()] == ["libpq.so"]


def test_a_folder_of_root_changes_hands_when_namespaces_are_not_to_be_had(
    server: EmbeddedServer, state: Path, make_server: MakeServer
) -> None:
    server.ensure()
    server.stop()
    again = make_server(state, namespaces=False)
    assert again.ensure() == "started"
    assert again.stop()


def test_the_server_s_folder_has_room_for_a_socket_name(state: Path) -> None:
    server = EmbeddedServer(state)
    with socket.socket(socket.AF_UNIX) as listener:
        server.socket_folder.mkdir(parents=True)
        listener.bind(str(server.socket_folder / ".s.PGSQL.65535"))
