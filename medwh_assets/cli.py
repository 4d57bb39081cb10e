"""The `medwh` command. Each command reads settings, calls one room, and says what happened.

Exit status: 0 done, 1 something failed (listed), 2 the command line is wrong, 130 interrupted.
"""

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from medwh_assets import settings
from medwh_assets.errors import MedwhError, SettingError
from medwh_assets.slices import channel_name

if TYPE_CHECKING:
    from medwh_assets.session import Session
    from medwh_assets.warehouse.server import EmbeddedServer

app = typer.Typer(
    name="medwh",
    help="A warehouse for what medical and pharmacy businesses post on public Telegram channels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db_app = typer.Typer(help="The embedded PostgreSQL server.", no_args_is_help=True)
app.add_typer(db_app, name="db")

# Bound to the real streams: what a library prints to stdout may be sent elsewhere meanwhile.
out = Console(file=sys.stdout, highlight=False)
err = Console(file=sys.stderr, highlight=False)

FAILED, INTERRUPTED = 1, 130
_GO_ON = "Interrupted. What is done is kept; run the same command again to go on."
# What is left by commands that do one thing or nothing.
_AFTER_INTERRUPT = {
    "login": "Interrupted. Nobody was logged in by this.",
    "logout": "Interrupted. Run `medwh logout` again to be sure.",
    "train": "Interrupted. Nothing of this training is kept.",
}
_NO_FOLDER_FOR_US = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
)  # fmt: skip


def main() -> None:
    """Run the command line; errors that medwh knows are a message, not a traceback."""
    from medwh_assets.serve import stop_on_signals

    try:
        with stop_on_signals():
            app(standalone_mode=True)
    except MedwhError as error:
        # A message may hold names from outside, and a terminal obeys what stands in them.
        said = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(error))
        err.print(f"[bold red]error:[/] {escape(said)}", soft_wrap=True)
        sys.exit(FAILED)
    except ValidationError as error:
        err.print(f"[bold red]error:[/] a setting is wrong:\n{escape(_setting_errors(error))}")
        sys.exit(FAILED)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FOR_US:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        err.print(
            f"[bold red]error:[/] {escape(str(what))}. medwh writes into the folders that MEDWH_STATE "
            "and MEDWH_LAKE name: make room there, make them writable, or set them to others",
            soft_wrap=True,
        )
        sys.exit(FAILED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err.print(after_interrupt(sys.argv[1:]))
        raise


def after_interrupt(arguments: Sequence[str]) -> str:
    """Return what to say to somebody who interrupted a command."""
    return _AFTER_INTERRUPT.get(arguments[0] if arguments else "", _GO_ON)


def _setting_errors(error: ValidationError) -> str:
    """Name each setting and what is wrong with it, never its value: it may be a secret."""
    settings_class = getattr(settings, error.title, None)
    if settings_class is None:
        raise error  # no setting, so a defect of ours
    prefix: str = settings_class.model_config["env_prefix"]
    return "\n".join(
        f"  {prefix}{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )


@app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(help="A Telegram Desktop export, CSV, JSON, a scraped lake, or an archive."),
    ],
    chat: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=CHANNEL",
            help="The username of a chat (by title or id) or of a file (by its name without suffix) "
            "that tells none; may be given several times.",
        ),
    ] = None,
) -> None:
    """Bring other people's posts and images into the lake; nothing is loaded yet."""
    from medwh_assets.import_display import ImportDisplay, show_import, show_survey
    from medwh_assets.imports.intake import import_dump
    from medwh_assets.imports.opening import opened, working_folder
    from medwh_assets.lake.store import Lake

    lake_settings = settings.LakeSettings()
    lake = Lake.of(lake_settings)
    chats = [_chat_name(text) for text in chat or ()]
    with (
        ImportDisplay(out) as display,
        opened(path, lake, lake_settings.state, chats, display) as found,
    ):
        show_survey(out, found)
        summary = import_dump(
            lake,
            found,
            now=datetime.now(UTC),
            watcher=display,
            folder=working_folder(lake_settings.state),
        )
    show_import(out, summary)
    if summary.posts:
        out.print(f"The lake is {escape(lake.url)}. Next: [bold]medwh run[/]", soft_wrap=True)
    if not summary.ok:
        raise typer.Exit(FAILED)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Only this channel; may be given several times.")
    ] = None,
    table_format: Annotated[
        Literal["jsonl", "parquet"], typer.Option("--format", help="How the tables are written.")
    ] = "jsonl",
    images: Annotated[bool, typer.Option(help="Copy the image files too.")] = True,
) -> None:
    """Write slices of the lake as JSON lines or Parquet; `medwh import` takes them back."""
    from medwh_assets.exports.lake_export import export_lake
    from medwh_assets.import_display import ImportDisplay, show_export
    from medwh_assets.lake.store import Lake

    _check_order(first, last)
    with ImportDisplay(out) as display:
        display.stage("exporting", 0)
        summary = export_lake(
            Lake.of(settings.LakeSettings()),
            folder,
            first=first.date() if first else None,
            last=last.date() if last else None,
            channels=[channel_name(spelling) for spelling in channel or ()],
            table_format=table_format,
            images=images,
            progress=lambda _, number: display.advance(number),
        )
    show_export(out, folder, summary)
    if summary.unreadable:
        raise typer.Exit(FAILED)


def _check_order(first: datetime | None, last: datetime | None) -> None:
    if first and last and first > last:
        raise typer.BadParameter("--from lies after --to")


def _chat_name(text: str) -> tuple[str, str]:
    name, equals, channel = text.rpartition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME=CHANNEL", param_hint="--chat")
    return name, channel


@app.command()
def run(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day to read."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day to read.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Only this channel; may be given several times.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Of live channels also the days that were read whole before."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="For a first try: of each live channel only the newest days that hold N posts.",
            metavar="N",
        ),
    ] = None,
    detect: Annotated[bool, typer.Option(help="Look at images.")] = True,
    full_refresh: Annotated[
        bool,
        typer.Option("--full-refresh", help="Build every model from nothing, out of all of raw."),
    ] = False,
) -> None:
    """Work on everything that is not yet detected, loaded or built, stage by stage.

    With --from, --to or --channel: read these slices first, and touch no others. Of live channels
    days that were read whole are left out, but for the last ones; --again reads them all.
    """
    from medwh_assets.session import open_session
    from medwh_assets.stage_runner import Selection
    from medwh_assets.terminal import StageDisplay, show_cooldown, show_failures, show_not_live

    _check_order(first, last)
    if limit and (first or last):
        raise typer.BadParameter("--limit finds the days itself: leave out --from and --to")
    if again and not (first or last or channel):
        raise typer.BadParameter("--again needs to be told what: --from, --to or --channel")
    today = datetime.now(UTC).date()
    channels = frozenset(channel_name(spelling) for spelling in channel or ())
    with open_session() as session:
        if limit:
            selection = session.newest(channels, today)
        elif first or last or channels:
            bounds = Selection(
                channels=channels,
                first=first.date() if first else session.settings.start_date,
                last=last.date() if last else today,
            )
            selection = session.asked(bounds, today, first.date() if first else None, again=again)
        else:
            selection = session.daily(today)
        with StageDisplay(out) as display:
            result = session.run(
                selection, display, detect=detect, full_refresh=full_refresh, newest=limit
            )
        session.tell_not_live(selection, result)
    show_failures(out, result)
    show_cooldown(out, result)
    show_not_live(out, result)
    if not result.ok:
        raise typer.Exit(FAILED)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the UI and the API afterwards.")] = True,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Take the sample's slices, rows and partitions out again."),
    ] = False,
) -> None:
    """Run the bundled sample through every asset, print a report, then serve."""
    from medwh_assets.demo import remove_sample, sample_selection
    from medwh_assets.session import open_session
    from medwh_assets.terminal import StageDisplay, show_failures, show_removal, show_report

    if serve and not remove:
        # Better before the work than after it.
        _clear_the_way()
    with open_session() as session:
        if remove:
            with StageDisplay(out) as display:
                removal = remove_sample(session, display)
            show_removal(out, removal)
            return
        with StageDisplay(out) as display:
            result = session.run(sample_selection(session), display)
        show_report(out, session.report(), session.lake.quarantined(), result)
        show_failures(out, result)
        if serve:
            _serve(session)
    if not result.ok:
        raise typer.Exit(FAILED)


@app.command()
def login(
    qr: Annotated[
        bool, typer.Option("--qr", help="Scan a QR code with the Telegram app; no code is sent.")
    ] = False,
    print_: Annotated[
        bool,
        typer.Option(
            "--print", help="Print the session for a secret store (TELEGRAM_SESSION); keep no file."
        ),
    ] = False,
) -> None:
    """Log in to Telegram once, so that runs can read live channels without asking."""
    from medwh_assets.resources import places_of
    from medwh_assets.telegram.login import Prompts, end_kept_session, keep_session, log_in

    # With --print the session is all that stdout holds, for a pipe into a secret store.
    talk = err if print_ else out

    def ask(question: str, *, hidden: bool = False) -> str:
        try:
            return str(typer.prompt(question, hide_input=hidden, err=print_))
        except typer.Abort:
            raise KeyboardInterrupt from None

    prompts = Prompts(
        phone=lambda: ask("Phone number, with country code"),
        code=lambda where: ask(f"Login code, sent {where}"),
        password=lambda hint: ask(
            f"Password of two-step verification{f' (hint: {hint})' if hint else ''}", hidden=True
        ),
        show=lambda text: talk.print(text, markup=False, soft_wrap=True),
    )
    account, telegram = settings.LakeSettings(), settings.TelegramSettings()
    state = places_of(account).state
    who = log_in(telegram, prompts, qr=qr)
    if print_:
        talk.print(
            f"Logged in as {escape(who.name)}. The session opens the whole account: keep it. A "
            "session that it replaces stays logged in: end it in the Telegram app, under "
            "Settings > Devices.",
            soft_wrap=True,
        )
        typer.echo(who.session.get_secret_value())
        return
    left_to_do = end_kept_session(telegram, state)
    file = keep_session(who.session, state)
    talk.print(f"Logged in as {escape(who.name)}; the session is in {escape(str(file))}.")
    if left_to_do:
        talk.print(f"[yellow]![/] {escape(left_to_do)}", soft_wrap=True)
    if telegram.session is not None:
        talk.print(
            "[yellow]![/] TELEGRAM_SESSION is set and goes before that file: unset it.",
            soft_wrap=True,
        )
    if not account.channels:
        talk.print("Next: name channels in MEDWH_CHANNELS, then [bold]medwh run --limit 100[/]")


@app.command()
def logout() -> None:
    """End the session at Telegram and forget it."""
    from medwh_assets.resources import places_of
    from medwh_assets.telegram.login import log_out

    telegram = settings.TelegramSettings()
    ended = log_out(telegram, places_of(settings.LakeSettings()).state)
    out.print("Logged out." if ended else "Nobody was logged in.")
    if ended and telegram.session is not None:
        out.print("TELEGRAM_SESSION holds a session that is no longer good: remove it.")


@app.command()
def up() -> None:
    """Serve the Dagster UI, its daemon and the API until Ctrl-C."""
    from medwh_assets.session import open_session

    _clear_the_way()
    with open_session() as session:
        _serve(session)


def _clear_the_way() -> None:
    """End what a killed `medwh up` left running, and make sure that the ports are free."""
    from medwh_assets.resources import places_of
    from medwh_assets.serve import clear_the_way
    from medwh_assets.session import addresses

    clear_the_way(addresses(), places_of(settings.LakeSettings()).state)


def _serve(session: "Session") -> None:
    from medwh_assets.serve import serving
    from medwh_assets.session import addresses

    where = addresses()
    with serving(
        where,
        session.places.state,
        session.warehouse.api_environment()
        | {
            "MEDWH_API_DOCUMENTATION": str(session.places.documentation / "index.html"),
            "MEDWH_API_LAKE": session.settings.lake,
        },
        lambda line: out.print(f"[dim]{line} …[/]"),
    ) as supervisor:
        out.print(f"\n  Report page [bold]{where.api}[/]")
        out.print(f"  Dagster UI  [bold]{where.ui}[/]")
        out.print(f"  API         [bold]{where.api}/api/channels[/]")
        out.print(f"  API docs    [bold]{where.api}/docs[/]")
        out.print(f"  Tables      [bold]{where.api}/warehouse[/] (write it with `medwh docs`)")
        out.print("\nCtrl-C stops all of it.")
        try:
            supervisor.wait()
        except KeyboardInterrupt:
            out.print("\nStopping …")
    # Runs that were under way in the UI have ended with it.
    session.bury_dead_runs()
    out.print("Stopped.")


@app.command()
def train(
    folder: Annotated[
        Path, typer.Argument(help="Labelled pictures: data.yaml, or classes.txt, images/, labels/.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="The model's name: lower-case letters, digits, `_`; the folder's name unless given."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="A .pt file to start from; MEDWH_YOLO_WEIGHTS unless given."),
    ] = None,
    epochs: Annotated[
        int, typer.Option(min=1, max=1000, help="How often every picture is learned from.")
    ] = 50,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=32, max=1280, help="Longest side in pixels; MEDWH_YOLO_IMAGE_SIZE unless given."
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, max=256, help="Pictures at once; memory grows with it.")
    ] = 8,
) -> None:
    """Train a detector on labelled pictures and write its weights with a report."""
    from medwh_assets.detection.training import Epoch, TrainingOptions, model_name, train_detector
    from medwh_assets.resources import places_of
    from medwh_assets.terminal import show_training

    places = places_of(settings.LakeSettings())
    detection = (
        settings.DetectionSettings(weights=weights) if weights else settings.DetectionSettings()
    )
    if image_size and image_size % 32:
        raise typer.BadParameter("must be a multiple of 32", param_hint="--image-size")
    began = datetime.now(UTC)

    def watch(epoch: Epoch) -> None:
        left = (datetime.now(UTC) - began) / epoch.number * (epoch.of - epoch.number)
        out.print(
            f"epoch {epoch.number} of {epoch.of}: mAP50 {epoch.map50:.3f}"
            + (f", about {timedelta(seconds=round(left.total_seconds()))} left" if left else "")
        )

    trained = train_detector(
        folder,
        TrainingOptions(
            name=model_name(folder.resolve().name) if name is None else name,
            base=detection.weights,
            epochs=epochs,
            image_size=image_size or detection.image_size,
            batch=batch,
        ),
        models=places.models,
        cache_folder=places.cache,
        watch=watch,
    )
    show_training(out, trained)


@app.command()
def report(
    file: Annotated[
        Path | None,
        typer.Option("--out", help="Write the report page into this HTML file instead."),
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Of the page: only this channel.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Of the page: first day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Of the page: last day.")] = None,
    product: Annotated[
        str | None, typer.Option(help="Of the page: the product whose prices are shown.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Of the page: a text that posts hold, to be listed.")
    ] = None,
) -> None:
    """Print what the marts hold and what is in the quarantine, or write the page that shows it."""
    from medwh_assets.session import open_session
    from medwh_assets.terminal import show_report

    asked = {"channel": channel, "from": first, "to": last, "product": product, "query": query}
    chosen = [f"--{name}={value}" for name, value in asked.items() if value is not None]
    if chosen and file is None:
        raise typer.BadParameter("these choose what the page shows: name its file with --out")
    with open_session() as session:
        if file is None:
            show_report(out, session.report(), session.lake.quarantined(), None)
        else:
            _write_page(session, file, chosen)


def _write_page(session: "Session", file: Path, chosen: Sequence[str]) -> None:
    """Let the API write its page: it alone knows how it looks, and may read the marts and no more."""
    if find_spec("jinja2") is None or find_spec("fastapi") is None:
        raise SettingError("the page needs the API's packages: pip install 'medwh[api]'")
    written = subprocess.run(
        [sys.executable, "-m", "medwh_api", "report", f"--out={file}", *chosen],
        env=os.environ
        | session.warehouse.api_environment()
        | {"MEDWH_API_LAKE": session.settings.lake},
        check=False,
    )
    if written.returncode:
        raise typer.Exit(written.returncode)
    out.print(f"Written to {escape(str(file))}: open it in any browser.")


@app.command()
def docs(
    folder: Annotated[
        Path | None, typer.Option(help="Where to write it; in the state folder if not given.")
    ] = None,
) -> None:
    """Write a page that describes every table and column of the warehouse; it needs no network."""
    from medwh_assets.dbt.documentation import write_documentation
    from medwh_assets.resources import places_of
    from medwh_assets.session import addresses, warehouse_of
    from medwh_dbt import PROJECT_DIR

    lake_settings = settings.LakeSettings()
    places = places_of(lake_settings)
    warehouse = warehouse_of(lake_settings)
    with warehouse.running():
        connection = warehouse.dbt_environment()
        out.print("[dim]Describing the warehouse …[/]")
        page = write_documentation(
            PROJECT_DIR, connection, places.dbt_target, folder or places.documentation
        )
    out.print(f"Open [bold]{escape(str(page))}[/]", soft_wrap=True)
    if folder is None:
        out.print(f"While `medwh up` runs it is also at [bold]{addresses().api}/warehouse[/]")


@app.command()
def doctor() -> None:
    """Say what is configured, reachable and missing, and how to fix it."""
    from medwh_assets.doctor import examine
    from medwh_assets.terminal import show_findings

    findings = examine()
    show_findings(out, findings)
    if any(finding.level == "missing" for finding in findings):
        raise typer.Exit(FAILED)


@app.command()
def weights(
    name: Annotated[str, typer.Argument(help="yolov8n, yolov8s, yolo11n or yolo11s.")],
) -> None:
    """Download stock detection weights from Ultralytics' releases; nothing else ever does."""
    from medwh_assets.detection.stock_weights import download, stock_weights
    from medwh_assets.resources import places_of
    from medwh_assets.terminal import DownloadDisplay

    stock = stock_weights(name)
    folder = places_of(settings.LakeSettings()).state / "weights"
    out.print(f"[dim]{escape(stock.url)} …[/]", soft_wrap=True)
    with DownloadDisplay(out) as display:
        file = download(stock, folder, display.advance)
    out.print(
        f"{escape(str(file))} is {stock.name}, and whole (SHA-256 {stock.sha256}).", soft_wrap=True
    )
    out.print(f"Next: MEDWH_YOLO_WEIGHTS={escape(str(file))} [bold]medwh run[/]", soft_wrap=True)


@db_app.command("start")
def db_start() -> None:
    """Start the embedded server and let it run."""
    server = _embedded()
    out.print(f"{server.ensure(keep=True)}: {server.socket_folder}")


@db_app.command("stop")
def db_stop() -> None:
    """Stop the embedded server, disconnecting everyone."""
    out.print("stopped" if _embedded().stop() else "was not running")


@db_app.command("status")
def db_status() -> None:
    """Say whether the embedded server runs, and who is connected."""
    status = _embedded().status()
    if status.running:
        out.print(
            f"running, pid {status.pid}, {status.clients} clients, socket in {status.socket_folder}"
        )
    else:
        out.print("not running" + (f", data in {status.data}" if status.data else ", never made"))


@db_app.command("setup")
def db_setup() -> None:
    """Make databases, roles, schemas and tables, as far as they are missing; Dagster's own too."""
    from medwh_assets.session import set_up_databases

    database = set_up_databases()
    out.print(f"database {database.name} is set up")


@db_app.command("url")
def db_url() -> None:
    """Print how psql and other tools reach the warehouse; a password is left out."""
    from medwh_assets.session import warehouse_of

    database = warehouse_of(settings.LakeSettings()).database
    out.print(
        f"host={database.host} port={database.port} dbname={database.name} user={database.user}",
        soft_wrap=True,
    )


def _embedded() -> "EmbeddedServer":
    from medwh_assets.session import warehouse_of

    server = warehouse_of(settings.LakeSettings()).server
    if server is None:
        raise SettingError(
            "POSTGRES_HOST is set, so there is no embedded server: unset it to use one"
        )
    return server


if __name__ == "__main__":
    main()
