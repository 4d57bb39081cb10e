import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from medwh_assets.errors import PermanentError, SettingError
from medwh_assets.serve import (
    Addresses,
    Service,
    Stopped,
    Supervisor,
    check_ports,
    clear_the_way,
    end_leftovers,
    is_serving,
    serving,
    stop_on_signals,
)

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def test_a_port_that_is_taken_is_named_with_a_free_number_to_set() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port} .* set MEDWH_UI_PORT") as told:
            check_ports(Addresses("127.0.0.1", port, "127.0.0.1", 1))
    assert 1 <= int(str(told.value).rpartition("MEDWH_UI_PORT=")[2].split()[0]) <= 65535


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(SettingError, match="MEDWH_UI_PORT"):
        check_ports(Addresses("2001:db8::1", 40123, "127.0.0.1", 40124))


def test_an_ipv6_address_stands_in_brackets_in_a_url() -> None:
    assert Addresses("::1", 3000, "::", 8000).ui == "http://[::1]:3000"


def test_one_state_folder_is_served_once(tmp_path: Path) -> None:
    held = (
        "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path / "up.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert is_serving(tmp_path)
        with pytest.raises(SettingError, match="runs already"):
            clear_the_way(Addresses("127.0.0.1", 40123, "127.0.0.1", 40124), tmp_path)
        other.kill()
    assert not is_serving(tmp_path)


def test_what_a_killed_supervisor_left_is_ended_before_the_ports_are_looked_at(
    tmp_path: Path,
) -> None:
    sockets = tmp_path / "medwh-up-gone"
    sockets.mkdir()
    left = subprocess.Popen(SLEEP, start_new_session=True)
    started = psutil.Process(left.pid).create_time()
    entry = {"pid": left.pid, "started": started}
    leftovers = tmp_path / "up.json"
    leftovers.write_text(json.dumps({"sockets": str(sockets), "processes": [entry]}))
    assert end_leftovers(leftovers) == 1
    left.wait(5)
    assert not sockets.exists()
    assert not leftovers.exists()


def test_a_process_that_has_the_number_of_a_leftover_is_spared(tmp_path: Path) -> None:
    leftovers = tmp_path / "up.json"
    with subprocess.Popen(SLEEP) as other:
        entry = {"pid": other.pid, "started": 1.0}
        leftovers.write_text(json.dumps({"sockets": "/nowhere", "processes": [entry]}))
        assert end_leftovers(leftovers) == 0
        assert other.poll() is None
        other.kill()


def test_a_service_that_ends_while_starting_is_told_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs", tmp_path / "up.json", tmp_path)
    says = (sys.executable, "-c", "print('no such module'); raise SystemExit(3)")
    with pytest.raises(PermanentError, match=r"status 3(.|\n)*no such module"):
        supervisor.start(Service("API", says, lambda: False, {}))
    supervisor.stop()
    assert not (tmp_path / "up.json").exists()


def test_a_signal_to_stop_passes_by_whoever_catches_errors() -> None:
    with pytest.raises(Stopped), stop_on_signals():
        try:
            signal.raise_signal(signal.SIGTERM)
        except Exception:
            pytest.fail("it was swallowed")


def test_serving_is_refused_before_anything_starts_where_a_port_is_taken(tmp_path: Path) -> None:
    same = Addresses("127.0.0.1", 40125, "127.0.0.1", 40125)
    with pytest.raises(SettingError), serving(same, tmp_path, {}, print):
        pytest.fail("it was served")
    assert not (tmp_path / "up.json").exists()
