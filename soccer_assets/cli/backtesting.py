"""`soccer backtest` scores a model on past matches, `soccer replay` runs the whole loop on past days."""

import datetime as dt
from pathlib import Path

import click

from soccer_assets.cli.common import fail, keep_libraries_quiet, settings_of_environment
from soccer_assets.settings import SettingError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option(
    "--archive", "archives", multiple=True, required=True, type=_FILE, help="Matches; may be repeated."
)
@click.option("--stats", type=_FILE, help="Match statistics, by match_id.")
@click.option("--train-until", required=True, type=_DAY, help="First day of the test.")
@click.option("--test-until", required=True, type=_DAY, help="The day after the test.")
@click.option(
    "--validate-months", default=12, show_default=True, help="Months of validation before the test."
)
@click.option("--no-prices", is_flag=True, help="Do not read the prices of past matches.")
@click.option("--json", "json_file", type=_OUTPUT, help="Write the scores here.")
@click.option("--predictions", type=_OUTPUT, help="Write every scored row's probabilities here, as CSV.")
def backtest(
    archives: tuple[Path, ...],
    stats: Path | None,
    train_until: dt.datetime,
    test_until: dt.datetime,
    validate_months: int,
    no_prices: bool,
    json_file: Path | None,
    predictions: Path | None,
) -> None:
    """Train as the graph does on a match archive, score the matches after it, and print the scorecard."""
    from soccer_assets.backtesting.archive_backtest import run_backtest  # noqa: PLC0415
    from soccer_assets.backtesting.errors import BacktestingError  # noqa: PLC0415
    from soccer_assets.graph.pages.scorecard import scorecard_markdown  # noqa: PLC0415

    days = (train_until.date(), test_until.date())
    try:
        report = run_backtest(archives, stats, *days, validate_months, predictions, use_prices=not no_prices)
    except BacktestingError as error:
        fail(str(error))
    if json_file is not None:
        json_file.write_bytes(report.to_json())
    click.echo(scorecard_markdown(report.scorecard))
    click.echo(f"\nread by the model: {report.information}")
    archive = report.archive
    click.echo(
        f"\narchive: {archive.rows:,} rows, {sum(archive.rejected.values()):,} rejected, "
        f"{archive.quarantined:,} results quarantined (a team has another result on that day)"
    )
    for reason, rows in archive.rejected.items():
        click.echo(f"  {rows:,} rows: {reason}")


@click.command()
@click.option("--from", "first", required=True, type=_DAY, help="The first day, such as 2024-08-01.")
@click.option("--to", "last", required=True, type=_DAY, help="The last day.")
@click.option("--step", default="1d", show_default=True, help="Time between two runs: 1h to 3d.")
@click.option(
    "--history-months",
    default=36,
    show_default=True,
    type=click.IntRange(1, 1200),
    help="Months of results before the first day, for the first training.",
)
@click.option(
    "--competition", "competitions", multiple=True, help="Only this competition, such as ENG-1; repeatable."
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="An empty folder that is kept; a temporary one by default.",
)
@click.option("--json", "json_file", type=_OUTPUT, help="Write the full report here.")
@click.option(
    "--plot", default="soccer-replay.png", show_default=True, type=_OUTPUT, help="Write the plot here."
)
def replay(
    first: dt.datetime,
    last: dt.datetime,
    step: str,
    history_months: int,
    competitions: tuple[str, ...],
    home: Path | None,
    json_file: Path | None,
    plot: Path,
) -> None:
    """Replay the whole loop over past days of SOCCER_FEED in a separate home, and print its scores."""
    settings = settings_of_environment()
    keep_libraries_quiet()
    from soccer_assets.backtesting.errors import BacktestingError  # noqa: PLC0415
    from soccer_assets.backtesting.replay import ReplayPlan  # noqa: PLC0415
    from soccer_assets.backtesting.terminal import read_step, replay_in  # noqa: PLC0415
    from soccer_assets.feeds.protocol import FeedError  # noqa: PLC0415

    try:
        plan = ReplayPlan(
            first=first.date(),
            last=last.date(),
            step=read_step(step),
            history_months=history_months,
            competitions=competitions,
        )
        replay_in(home, settings, plan, json_file, plot)
    except (BacktestingError, FeedError, SettingError) as error:
        fail(str(error))
