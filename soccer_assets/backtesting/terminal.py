"""`soccer replay` in a terminal: its home, the progress bar, the table, the plot."""

import datetime as dt
import re
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from soccer_assets.backtesting.errors import ReplayError
from soccer_assets.backtesting.plot import write_plot
from soccer_assets.backtesting.replay import Replay, ReplayPlan
from soccer_assets.backtesting.report import Month, Report
from soccer_assets.clock import SystemClock
from soccer_assets.settings import Settings, checked_home

_STEP = re.compile(r"(\d+)([hd])")


def read_step(text: str) -> dt.timedelta:
    """Parse a step such as ``1d`` or ``6h``.

    Raises:
        ReplayError: the text is not in this form.
    """
    found = _STEP.fullmatch(text.strip())
    if found is None:
        raise ReplayError(f"--step {text!r} is no step; write it as 1d or 6h")
    number = int(found[1])
    return dt.timedelta(hours=number) if found[2] == "h" else dt.timedelta(days=min(number, 1_000))


def replay_in(
    home: Path | None, settings: Settings, plan: ReplayPlan, json_file: Path | None, plot: Path
) -> Report:
    """Run a replay and print its results.

    Args:
        home: an empty folder to keep; None for a temporary one.
        settings: name the feed; their own home is neither read nor written.
        plan: the days to replay.
        json_file: file for the whole report.
        plot: file for the plot.

    Raises:
        ReplayError: the plan or the folder cannot be used.
        FeedError: the feed cannot be read.
    """
    plan.check(SystemClock().now())
    if home is None:
        with tempfile.TemporaryDirectory(prefix="soccer-replay-") as folder:
            return _replay(Path(folder), settings, plan, json_file, plot)
    home = checked_home(home.expanduser().absolute(), "--home ")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ReplayError(f"--home {home} is not an empty folder; a replay starts from nothing: name another")
    home.mkdir(parents=True, exist_ok=True)
    return _replay(home, settings, plan, json_file, plot)


def own_settings(settings: Settings, home: Path) -> Settings:
    """The settings with every address inside ``home``; only the feed is kept."""
    return msgspec.structs.replace(
        settings,
        home=home,
        now=None,
        history_start=None,
        database_url=f"sqlite:///{home}/soccer.db",
        store_url=f"file://{home}/store",
        mlflow_url=f"sqlite:///{home}/mlflow/mlflow.db",
        redis_url="",
        s3_endpoint_url="",
        alerts_file=home / "alerts.json",
        sidecars=(),
    )


def _replay(home: Path, settings: Settings, plan: ReplayPlan, json_file: Path | None, plot: Path) -> Report:
    replay = Replay(plan, own_settings(settings, home))
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[event]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("first build", total=plan.steps, event="")

        def show_step(instant: dt.datetime, text: str) -> None:
            progress.update(task, advance=1, description=f"{instant:%Y-%m-%d %H:%M}", event=text[:60])

        report = replay.run(show_step)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    write_plot(report, plot)
    _show(report, Console(highlight=False))
    Console(highlight=False).print(f"plot: {plot.absolute()}", soft_wrap=True)
    return report


def _show(report: Report, console: Console) -> None:
    table = Table(title=f"{report.feed}, {report.first_day} to {report.last_day}")
    table.add_column("month")
    for name in ("matches", "retrains", "promotions", "champion", "E0", "market"):
        table.add_column(name, justify="right")
    for month in report.months:
        table.add_row(*_cells(month))
    table.add_section()
    table.add_row(*_cells(report.total))
    console.print(table)
    ledger = report.ledger
    console.print("champion, E0 (textbook Elo) and market (closing prices, where known): log loss")
    void = report.total.settled - report.total.scored
    console.print(
        f"ledger: {ledger.entries} entries, {report.total.scored} matches scored, {void} void, "
        f"{ledger.due} without a due result (coverage {ledger.coverage:.1%})"
    )
    console.print(f"ledger head {ledger.head}\nledger hash {ledger.hash}", soft_wrap=True)
    for training in report.retrains:
        outcome = "promoted" if training.promoted else "kept the champion"
        console.print(f"{training.at}  {training.reason}: {training.text}; {outcome}", soft_wrap=True)
    for rollback in report.rollbacks:
        console.print(f"{rollback.at}  rolled back: {rollback.text}", soft_wrap=True)
    for failure in report.failures:
        console.print(f"{failure.at}  {failure.job} failed: {failure.text}", soft_wrap=True)


def _cells(month: Month) -> tuple[str, ...]:
    losses = (month.log_loss, month.log_loss_e0, month.log_loss_market)
    counts = (month.scored, month.retrains, month.promotions)
    return (month.month, *map(str, counts), *("" if loss is None else f"{loss:.4f}" for loss in losses))
