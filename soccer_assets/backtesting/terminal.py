"""`soccer replay` at a terminal: the home it walks in, the progress bar, the table, the picture."""

import datetime as dt
import re
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from soccer_assets.backtesting.plot import write_plot
from soccer_assets.backtesting.replay import Plan, ReplayError, Walk
from soccer_assets.backtesting.report import Month, Report
from soccer_assets.clock import SystemClock
from soccer_assets.settings import Settings

_STEP = re.compile(r"(\d+)([hd])")


def read_step(text: str) -> dt.timedelta:
    """A step such as ``1d`` or ``6h``.

    Raises:
        ReplayError: it is none.
    """
    found = _STEP.fullmatch(text.strip())
    if found is None:
        raise ReplayError(f"--step {text!r} is no step; write it as 1d or 6h")
    number = int(found[1])
    return dt.timedelta(hours=number) if found[2] == "h" else dt.timedelta(days=min(number, 1_000))


def replay_in(
    home: Path | None, settings: Settings, plan: Plan, json_file: Path | None, plot: Path
) -> Report:
    """Walk, and show what came of it.

    Args:
        home: an empty folder that stays; None for one that goes at the end.
        settings: name the feed; nothing of their own home is read or written.
        plan: what to walk through.
        json_file: gets the whole report.
        plot: gets the picture.

    Raises:
        ReplayError: the plan or the folder cannot be used.
        FeedError: the feed cannot be read.
    """
    plan.check(SystemClock().now())
    if home is None:
        with tempfile.TemporaryDirectory(prefix="soccer-replay-") as folder:
            return _walk(Path(folder), settings, plan, json_file, plot)
    home = home.expanduser().absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ReplayError(f"--home {home} is not an empty folder; a replay starts from nothing: name another")
    home.mkdir(parents=True, exist_ok=True)
    return _walk(home, settings, plan, json_file, plot)


def own_settings(settings: Settings, home: Path) -> Settings:
    """The settings with every address inside ``home``; only the feed stays what it was."""
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


def _walk(home: Path, settings: Settings, plan: Plan, json_file: Path | None, plot: Path) -> Report:
    walk = Walk(plan, own_settings(settings, home))
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("first build", total=plan.steps, said="")

        def say(instant: dt.datetime, text: str) -> None:
            progress.update(task, advance=1, description=f"{instant:%Y-%m-%d %H:%M}", said=text[:60])

        report = walk.run(say)
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
        f"ledger: {ledger.entries} entries, {report.total.scored} matches scored, {void} void "
        f"(coverage {ledger.coverage:.1%})"
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
