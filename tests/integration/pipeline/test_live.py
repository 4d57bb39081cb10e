"""Live channels through the whole pipeline, against data centres on loopback.

The session comes from the environment and the client is Telethon as it is, in processes of its own:
`medwh run`, and the run workers behind `medwh up`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO

import cv2
import numpy as np
import pytest
from telethon.tl import types

from tests.integration.pipeline.conftest import REPOSITORY, TIMEOUT_SECONDS, Pipeline
from tests.integration.pipeline.recordings import pictures
from tests.integration.pipeline.services import SELECTOR, medwh_up, wait_for
from tests.mtproto import (
    INTERNAL_ERROR,
    Account,
    Channel,
    Forward,
    World,
    flood_wait,
    running_data_centres,
)

HISTORY, RESOLVE, FILE = "messages.getHistory", "contacts.resolveUsername", "upload.getFile"
FIRST, SECOND = "demo_first_shop", "demo_second_shop"
API_HASH = "canary0123456789abcdef0123456789"
PHONE = "251900000001"
POSTS_A_DAY = 4
STAGES = [
    ["lake", "telegram_messages"],
    ["lake", "telegram_images"],
    ["lake", "yolo_detections"],
    ["raw", "telegram_messages"],
    ["raw", "yolo_detections"],
    ["raw", "post_extractions"],
]


@dataclass
class Live:
    """A pipeline whose settings name two live channels and the account that reads them."""

    pipeline: Pipeline
    world: World
    session: str
    channels: dict[str, Channel]
    somebody_new: dict[str, str]
    account: Account

    def posts(self) -> list[tuple[str, int]]:
        """Every post that the marts hold, by channel and id."""
        return self.pipeline.rows(
            "select channel_username, message_id from marts.fct_messages order by 1, 2"
        )

    def published(self, days: int) -> list[tuple[str, int]]:
        """Every post of the last whole days, as `posts` would tell it."""
        since = today() - timedelta(days=days)
        return sorted(
            (name, number)
            for name, channel in self.channels.items()
            for number in channel.ids
            if since <= channel[number].date < today()
        )


def today() -> datetime:
    """The beginning of the day."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def live(pipeline: Pipeline) -> Iterator[Live]:
    """Two shops with 20 days of posts, one in four with one of three pictures."""
    world = World()
    account = world.add_account()
    photos = [world.add_photo(jpeg) for jpeg in pictures(3)]
    channels: dict[str, Channel] = {}
    for number, name in enumerate((FIRST, SECOND)):
        channel = world.add_channel(
            5001 + number,
            name.title(),
            f"Shop {number}",
            about="Call 0900 000 012",
            subscribers=1200 + number,
        )
        for hour in range(20 * POSTS_A_DAY):
            at = today() - timedelta(days=20) + timedelta(hours=6 * hour + 1)
            picture = photos[hour % 3] if hour % POSTS_A_DAY == 0 else None
            channel.post(f"Paracetamol {hour}, 120 birr", date=at, media=picture, views=10 + hour)
        channels[name] = channel
    with running_data_centres(world) as centres:
        session = centres.session(account)
        pipeline.environment.update(
            TELEGRAM_API_ID="1",
            TELEGRAM_API_HASH=API_HASH,
            TELEGRAM_SESSION=session,
            TELEGRAM_PHONE=f"+{PHONE}",
            MEDWH_CHANNELS=f"{FIRST},@{SECOND}",
            MEDWH_TELEGRAM_REQUESTS_PER_SECOND="30",
            MEDWH_DEEP_REFRESH_DAYS="0",
        )
        found = centres.environment()
        path = os.pathsep.join([found["PYTHONPATH"], pipeline.environment["PYTHONPATH"]])
        newcomer = {**found, "PYTHONPATH": path}
        yield Live(pipeline, world, session, channels, newcomer, account)


@pytest.mark.timeout(600)
def test_live_channels_reach_the_marts_and_a_second_run_asks_for_what_may_have_changed(
    live: Live,
) -> None:
    pipeline, calls = live.pipeline, live.world.calls
    said = pipeline.medwh("run")
    assert live.posts() == live.published(days=7)
    assert (calls[RESOLVE], calls[FILE]) == (2, 3)
    assert "raw/channel_facts" in said
    assert pipeline.rows(
        "select channel_username, channel_spelling, channel_title, channel_about, channel_id,"
        " subscribers_count, image_count from marts.dim_channels order by 1"
    ) == [
        (FIRST, "Demo_First_Shop", "Shop 0", "Call [phone]", 5001, 1200, 7),
        (SECOND, "Demo_Second_Shop", "Shop 1", "Call [phone]", 5002, 1201, 7),
    ]
    assert pipeline.rows("select channel_username, status from ops.channel_status order by 1") == [
        (FIRST, "ok"),
        (SECOND, "ok"),
    ]

    newest = live.channels[FIRST].ids[-1]
    live.channels[FIRST].edit(newest, at=datetime.now(UTC), text="Sold out")
    live.channels[FIRST].delete(newest - 1)
    live.channels[SECOND].raise_counters(views=500)
    calls.reset()
    pipeline.medwh("run")
    # Two channels of 28 posts: a page each. Nothing is resolved, no picture is fetched again.
    assert calls[HISTORY] <= 4
    assert (calls[RESOLVE], calls[FILE]) == (0, 0)
    assert pipeline.rows(
        "select message_text, missing_since is not null from marts.fct_messages"
        " where channel_username = %s and message_id in (%s, %s) order by message_id",
        FIRST,
        newest - 1,
        newest,
    ) == [(f"Paracetamol {newest - 2}, 120 birr", True), ("Sold out", False)]
    assert pipeline.rows(
        "select count(*), count(distinct observed_at) from marts.fct_channel_subscribers"
    ) == [(4, 2)]
    assert pipeline.rows(
        "select count(*) from marts.fct_messages where channel_username = %s and views_count > 500",
        SECOND,
    ) == [(28,)]

    # None of the session, the application's hash and the account's number stands in what was kept.
    assert_kept_nowhere(pipeline, live.session, API_HASH, PHONE)


def assert_kept_nowhere(pipeline: Pipeline, *secrets: str) -> None:
    """Look for words in every file of state and lake, and in Dagster's events and runs."""
    files = [file for file in (pipeline.folder / "state").rglob("*") if file.is_file()]
    files += [file for file in pipeline.lake.rglob("*") if file.is_file()]
    for secret in secrets:
        assert [file for file in files if secret.encode() in file.read_bytes()] == []
        with pipeline.database.dagster.connect() as connection:
            for query in (
                "select count(*) from event_logs where event like %s",
                "select count(*) from runs where run_body like %s",
            ):
                assert connection.execute(query, [f"%{secret}%"]).fetchone() == (0,)  # pyright: ignore


def test_who_writes_in_a_live_group_stays_in_raw(live: Live) -> None:
    group = live.world.add_channel(5009, "demo_live_group", "Group", group=True)
    buyer = live.world.add_user(4_242_424_242, "Canaryname", "canary_handle")
    noon = today() - timedelta(hours=12)
    group.post("Is amoxicillin there?", date=noon, sender=buyer)
    group.post("Yes", date=noon, reply_to=1, sender=buyer, author="Canaryauthor")
    group.post(action=types.MessageActionChatAddUser([buyer.id]), date=noon, sender=buyer)
    group.post("Forwarded", date=noon, forwarded_from=Forward(noon, name="Canaryorigin"))
    live.pipeline.environment["MEDWH_CHANNELS"] = "demo_live_group"
    live.pipeline.medwh("run", "--no-detect")
    raw = live.pipeline.rows("select message_data::text from raw.telegram_messages")
    assert str(buyer.id) in str(raw)
    assert "Canaryauthor" in str(raw)
    assert [number for _, number in live.posts()] == [1, 2, 3, 4]
    names = live.pipeline.rows(
        "select format('%%I.%%I', table_schema, table_name) from information_schema.tables"
        " where table_schema in ('staging', 'marts', 'ops') order by 1"
    )
    assert len(names) > 10
    for (name,) in names:
        rows = str(live.pipeline.rows(f"select to_jsonb(rows)::text from {name} as rows")).lower()
        for word in (str(buyer.id), "canaryname", "canary_handle", "canaryauthor", "canaryorigin"):
            assert word not in rows, name


def test_a_first_try_reads_the_newest_days_until_they_hold_enough_posts(live: Live) -> None:
    said = live.pipeline.medwh("run", "--no-detect", "--limit", "10", "--channel", FIRST)
    found = live.posts()
    assert {channel for channel, _ in found} == {FIRST}
    assert 10 <= len(found) <= 24
    assert (FIRST, live.channels[FIRST].ids[-1]) in found
    assert live.world.calls[HISTORY] <= 5
    assert "failed" not in said
    manifests = sorted((live.pipeline.lake / "slices").glob(f"*/{FIRST}.json"))
    assert [file.parent.name for file in manifests][-1] == str(today().date())
    assert all('"status": "complete"' in file.read_text() for file in manifests[:-1])
    assert "for channels that are read live" in live.pipeline.medwh(
        "run", "--limit", "10", "--channel", "demo_stranger", status=1
    )


def test_a_backfill_reads_every_day_since_the_one_that_is_named(live: Live) -> None:
    since = today() - timedelta(days=15)
    # Without a first day nothing of a live channel would be meant, and nobody told.
    refused = live.pipeline.medwh("run", "--to", str(since.date()), status=1)
    assert "--to needs --from" in refused
    live.pipeline.medwh("run", "--no-detect", "--from", str(since.date()), "--channel", SECOND)
    of_today = live.pipeline.rows(
        "select channel_username, message_id from marts.fct_messages where message_date = %s",
        today().date(),
    )
    expected = [post for post in live.published(days=15) if post[0] == SECOND]
    assert [post for post in live.posts() if post not in of_today] == expected


def test_a_channel_that_cannot_be_read_costs_itself_and_no_other(live: Live) -> None:
    live.channels[FIRST].private = True
    live.pipeline.environment["MEDWH_CHANNELS"] += ",demo_nobody_knows"
    said = live.pipeline.medwh("run", "--no-detect", status=1)
    assert live.posts() == [post for post in live.published(days=7) if post[0] == SECOND]
    assert said.count("private, or the account was removed") == 1
    assert live.pipeline.rows(
        "select channel_username, status from ops.channel_status order by 1"
    ) == [(FIRST, "private"), ("demo_nobody_knows", "not_found"), (SECOND, "ok")]
    assert live.world.calls[RESOLVE] <= 3
    assert not list((live.pipeline.lake / "slices").glob(f"*/{FIRST}.json"))
    assert "private" in live.pipeline.medwh("doctor", status=None)


def test_a_channel_that_cannot_be_read_at_night_is_told_and_the_others_reach_the_marts(
    live: Live,
) -> None:
    live.channels[FIRST].private = True
    said = live.pipeline.python("-m", "tests.integration.pipeline.nightly_run", status=1)
    assert "1 runs\nlake__telegram_messages_every_slice_is_done: Some slices failed" in said
    assert f"{FIRST}|" in said
    assert "(7 days)" in said
    assert live.posts() == [post for post in live.published(days=7) if post[0] == SECOND]


@pytest.mark.timeout(600)
def test_a_backfill_that_was_cut_off_is_taken_up_by_the_next_run_and_not_read_twice(
    live: Live,
) -> None:
    of_second = lambda request: request.peer.channel_id == 5002  # noqa: E731
    live.world.faults.plan(HISTORY, INTERNAL_ERROR, times=None, where=of_second)
    days = {"--from": 12, "--to": 1}
    command = [word for name, ago in days.items() for word in (name, _day(ago))]
    live.pipeline.medwh("run", "--no-detect", *command, status=1)
    assert live.posts() == [post for post in live.published(days=12) if post[0] == FIRST]
    left = "select channel_username, count(*) from ops.telegram_rest group by 1"
    assert live.pipeline.rows(left) == [(SECOND, 12)]

    live.world.faults.clear()
    live.pipeline.medwh("run", "--no-detect")
    assert live.posts() == live.published(days=12)
    assert live.pipeline.rows(left) == []

    old = ["run", "--no-detect", "--from", _day(12), "--to", _day(9)]
    live.world.calls.reset()
    live.pipeline.medwh(*old)
    assert live.world.calls[HISTORY] == 0
    live.pipeline.medwh(*old, "--again")
    assert live.world.calls[HISTORY] >= 2


def _day(ago: int) -> str:
    return str((today() - timedelta(days=ago)).date())


@pytest.mark.timeout(600)
def test_a_long_pause_ends_the_run_keeps_what_was_read_and_the_rest_follows(live: Live) -> None:
    live.world.faults.plan(
        HISTORY,
        flood_wait(3600),
        times=None,
        where=lambda request: request.peer.channel_id == 5002,
    )
    since = str((today() - timedelta(days=10)).date())
    to = str((today() - timedelta(days=1)).date())
    said = live.pipeline.medwh("run", "--no-detect", "--from", since, "--to", to, status=1)
    until = datetime.now(UTC) + timedelta(seconds=3600)
    assert "Cooling down until" in said
    assert until.strftime("%Y-%m-%d %H:") in said
    assert f"cooling down: 10 slices of {SECOND}" in said
    assert live.posts() == [post for post in live.published(days=10) if post[0] == FIRST]
    assert "cooling down until" in live.pipeline.medwh("doctor", status=None)

    live.world.faults.clear()
    live.world.calls.reset()
    live.pipeline.medwh("run", "--no-detect", status=1)
    assert live.world.calls.kinds() == {}

    with live.pipeline.database.connect() as connection:
        connection.execute(
            "update ops.telegram_cooldowns set cools_until = now() - interval '1 second'"
        )
    live.pipeline.medwh("run", "--no-detect")
    assert live.posts() == live.published(days=10)
    assert live.pipeline.rows("select count(*) from ops.telegram_rest") == [(0,)]


def test_two_runs_at_once_take_turns_and_both_succeed(live: Live) -> None:
    live.world.pace(HISTORY, 1.0)
    command = [sys.executable, "-m", "medwh_assets.cli", "run", "--no-detect"]
    both = [
        subprocess.Popen(
            command,
            env=live.pipeline.environment,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=TIMEOUT_SECONDS)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert live.posts() == live.published(days=7)
    # Whoever came second asked after the first had ended; if both began in one second, they are one
    # run, and nothing is asked again but what the second was waiting for.
    asked = [call.request.peer.channel_id for call in live.world.calls.all(HISTORY)]
    assert asked[:2] == [5001, 5002]
    assert asked[2:] in ([], [5001], [5001, 5002])


def test_whoever_waits_for_a_run_that_is_killed_goes_on_at_once(live: Live) -> None:
    live.world.pace(HISTORY, 60.0)
    command = [sys.executable, "-m", "medwh_assets.cli", "run", "--no-detect"]
    said = live.pipeline.folder / "said.txt"

    def begin(out: IO[str] | int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env=live.pipeline.environment, cwd=REPOSITORY, stdout=out, text=True
        )

    killed = begin(subprocess.DEVNULL)
    wait_for(lambda: str(live.world.calls[HISTORY] > 0), {"True"})
    with said.open("w") as out:
        waiting = begin(out)
        wait_for(lambda: str("another run reads Telegram" in said.read_text()), {"True"})
        killed.kill()
        killed.wait()
        live.world.pace(HISTORY, 0.0)
        status = waiting.wait(TIMEOUT_SECONDS)
    assert status == 0, said.read_text()
    assert live.posts() == live.published(days=7)


def test_a_session_that_telegram_has_ended_fails_at_once_and_says_what_to_do(live: Live) -> None:
    live.world.forget_keys()
    said = live.pipeline.medwh("run", "--no-detect", status=1)
    assert "medwh login" in said
    assert live.world.calls[HISTORY] == 0
    assert "Traceback" not in said
    assert "✗ Telegram" in live.pipeline.medwh("doctor", status=None)
    del live.pipeline.environment["TELEGRAM_API_HASH"]
    assert "TELEGRAM_API_HASH is not set" in live.pipeline.medwh("doctor", status=1)


def test_without_a_session_live_channels_are_read_from_the_lake_and_the_fix_is_told(
    live: Live,
) -> None:
    del live.pipeline.environment["TELEGRAM_SESSION"]
    del live.pipeline.environment["TELEGRAM_API_ID"]
    ran = live.pipeline.medwh("run", "--no-detect")
    assert "Not read live" in ran
    assert "TELEGRAM_API_ID is not set" in ran
    assert live.world.calls.kinds() == {}
    said = live.pipeline.medwh("doctor", status=None)
    assert "TELEGRAM_API_ID is not set" in said
    assert "https://my.telegram.org" in said
    with live.pipeline.database.dagster.connect() as connection:
        told = connection.execute(
            "select count(*) from event_logs where event like '%TELEGRAM_API_ID is not set%'"
        ).fetchone()
    assert told != (0,)
    assert "TELEGRAM_API_ID" in live.pipeline.medwh("run", "--limit", "5", status=1)


@pytest.mark.timeout(600)
def test_the_ui_reads_live_channels_in_run_workers_and_the_sensor_what_a_pause_cut_off(
    live: Live,
) -> None:
    first = (today() - timedelta(days=3)).date()
    last = (today() - timedelta(days=1)).date()
    cut_off = (today() - timedelta(days=9)).date()
    live.pipeline.medwh("run", "--no-detect", "--limit", "1")  # makes the channels' partitions
    with live.pipeline.database.connect() as connection:
        connection.execute("insert into ops.telegram_rest values (%s, %s)", [SECOND, cut_off])
    live.world.calls.reset()
    with medwh_up(live.pipeline) as ui:
        status = ui.launch(
            [*STAGES, ["raw", "channel_facts"]],
            {
                "dagster/asset_partition_range_start": f"{FIRST}|{first}",
                "dagster/asset_partition_range_end": f"{SECOND}|{last}",
            },
        )
        sensors = ui.ask(
            "query($s: RepositorySelector!) { sensorsOrError(repositorySelector: $s) {"
            " ... on Sensors { results { name sensorState { status } } } } }",
            s=SELECTOR,
        )
        schedules = ui.ask(
            "query($s: RepositorySelector!) { schedulesOrError(repositorySelector: $s) {"
            " ... on Schedules { results { scheduleState { status } } } } }",
            s=SELECTOR,
        )
        wait_for(
            lambda: str(live.pipeline.rows("select count(*) from ops.channel_deadlines")[0][0]),
            {"2"},
        )
        of_the_rest = (
            "select count(*) from marts.fct_messages where channel_username = %s"
            " and message_date = %s"
        )
        wait_for(
            lambda: str(live.pipeline.rows(of_the_rest, SECOND, cut_off)[0][0]), {str(POSTS_A_DAY)}
        )
    assert live.pipeline.rows("select count(*) from ops.telegram_rest") == [(0,)]
    assert status == "SUCCESS"
    cooldown = {"name": "telegram_cooldown_sensor", "sensorState": {"status": "RUNNING"}}
    assert cooldown in sensors["sensorsOrError"]["results"]
    # There is a session, so the nightly schedule is on, and each channel has its deadline.
    assert schedules["schedulesOrError"]["results"] == [{"scheduleState": {"status": "RUNNING"}}]
    assert live.pipeline.rows(
        "select channel_username, status, is_live from ops.freshness order by 1"
    ) == [(FIRST, "fresh", True), (SECOND, "fresh", True)]
    assert live.pipeline.rows(
        "select channel_username, count(*) from raw.telegram_messages"
        " where message_date between %s and %s group by 1 order by 1",
        first,
        last,
    ) == [(FIRST, 12), (SECOND, 12)]
    assert (live.world.calls[RESOLVE], live.world.calls[HISTORY] <= 6) == (0, True)


@pytest.mark.timeout(600)
def test_who_logs_in_once_reads_live_until_the_logout(live: Live) -> None:
    environment = live.pipeline.environment
    del environment["TELEGRAM_SESSION"]
    environment.update(live.somebody_new)

    def medwh(*arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "medwh_assets.cli", *arguments],
            env=environment,
            cwd=REPOSITORY,
            input=answers,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    refused = medwh("login", answers="1\n2\n3\n")
    assert refused.returncode == 1
    assert "the login code was wrong" in refused.stderr
    file = live.pipeline.folder / "state" / "telegram.session"
    assert not file.exists()

    said = medwh("login", answers="12345\n")
    assert said.returncode == 0, said.stderr
    assert "Logged in as Reader" in said.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    session = file.read_text().strip()
    assert session not in said.stdout + said.stderr
    live.pipeline.medwh("run", "--no-detect", "--limit", "1", "--channel", FIRST)
    assert live.posts() != []
    assert "a session is there" in live.pipeline.medwh("doctor", status=None)

    assert medwh("login", answers="12345\n").returncode == 0
    assert live.world.calls["auth.logOut"] == 1
    assert file.read_text().strip() != session

    printed = medwh("login", "--print", answers="12345\n")
    assert PHONE not in refused.stdout + refused.stderr + said.stdout + said.stderr
    assert_kept_nowhere(live.pipeline, PHONE)
    assert len(printed.stdout.strip()) > 300
    assert printed.stdout.strip() not in (session, printed.stderr)
    assert "Logged in as Reader" in printed.stderr

    assert "Logged out" in medwh("logout").stdout
    assert not file.exists()
    assert "Nobody was logged in" in medwh("logout").stdout
    assert "medwh login" in live.pipeline.medwh("doctor", status=None)
    assert "read live before, and not any more" in live.pipeline.medwh("run", status=1)


def test_who_scans_the_code_in_the_terminal_is_logged_in(live: Live) -> None:
    environment = live.pipeline.environment
    del environment["TELEGRAM_SESSION"]
    environment.update(live.somebody_new)
    with subprocess.Popen(
        [sys.executable, "-m", "medwh_assets.cli", "login", "--qr"],
        env=environment,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            drawn: list[str] = []
            for line in process.stdout:
                if set(line) & set("█▀▄"):
                    drawn.append(line.rstrip("\n"))
                elif drawn:
                    break
            live.world.scan(seen_by_a_camera(drawn), live.account)
            said, complained = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, complained
    assert "Logged in as Reader" in said
    session = live.pipeline.folder / "state" / "telegram.session"
    assert session.read_text().strip() not in "".join(drawn) + said + complained
    assert "a session is there" in live.pipeline.medwh("doctor", status=None)


def seen_by_a_camera(drawn: list[str]) -> str:
    """Read a QR code off the half blocks that a dark terminal shows."""
    width = max(map(len, drawn))
    rows = [[c in lit for c in line.ljust(width)] for line in drawn for lit in ("█▀", "█▄")]
    light = np.array(rows, dtype=np.uint8) * 255
    # OpenCV misses a few codes at each distance, and four of ten that fill the picture to its edge.
    for distance in (8, 5, 3, 4, 6, 10):
        seen = cv2.resize(light, None, fx=distance, fy=distance, interpolation=cv2.INTER_NEAREST)
        framed = cv2.copyMakeBorder(seen, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=0)
        text, *_ = cv2.QRCodeDetector().detectAndDecode(framed)
        if text:
            return text
    raise AssertionError("the camera saw no QR code:\n" + "\n".join(drawn))
