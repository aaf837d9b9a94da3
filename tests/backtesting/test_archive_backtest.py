"""The backtest: any archive in the schema, cut in time, scored once."""

import datetime as dt
import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from soccer_assets.backtesting.archive_backtest import run_backtest
from soccer_assets.backtesting.errors import ArchiveError
from soccer_assets.cli import main

TRAIN_UNTIL, TEST_UNTIL = dt.date(2024, 7, 1), dt.date(2025, 7, 1)
TEAMS = [f"Club {number}" for number in range(12)]


def archive(seed=0, years=range(2020, 2025)):
    """A league of twelve clubs with fixed strengths, a double round a season, and closing prices."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 0.35, len(TEAMS))
    rows = []
    for year in years:
        pairs = [(home, away) for home in range(12) for away in range(12) if home != away]
        for number, place in enumerate(rng.permutation(len(pairs))):
            home, away = pairs[place]
            gap = strength[home] - strength[away]
            p_home = 1 / (1 + np.exp(-1.5 * gap)) * 0.74 + 0.03
            rows.append(
                {
                    "match_id": f"{year}-{home}-{away}",
                    "kickoff_utc": None,
                    "date": dt.date(year, 8, 1) + dt.timedelta(days=2 * number),
                    "country": "Utopia",
                    "competition": "First League",
                    "tier": 1,
                    "season": f"{year}/{year + 1}",
                    "home_team": TEAMS[home],
                    "away_team": TEAMS[away],
                    "home_goals": int(rng.poisson(np.exp(0.35 + gap))),
                    "away_goals": int(rng.poisson(np.exp(0.05 - gap))),
                    "status": "FT",
                    "neutral": None,
                    "odds_home": 0.95 / p_home,
                    "odds_draw": 0.95 / 0.23,
                    "odds_away": 0.95 / (0.77 - p_home),
                    "odds_type": "avg_closing",
                }
            )
    return pd.DataFrame(rows)


def write(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


def test_the_json_holds_both_row_sets_and_every_forecaster(tmp_path):
    """`all` has prior, Elo and candidate, `odds` the book besides, each with five scores."""
    path = write(archive(), tmp_path / "archive.parquet")

    report = run_backtest([path], None, TRAIN_UNTIL, TEST_UNTIL)

    sets = json.loads(report.to_json())
    scores = {"log_loss", "rps", "brier_score", "accuracy", "ece_15"}
    assert set(sets) == {"all", "odds"}
    assert sets["all"]["n"] == sets["odds"]["n"] == 132
    assert set(sets["all"]) == {"n", "prior", "elo_textbook", "candidate"}
    assert set(sets["odds"]) == {"n", "prior", "elo_textbook", "candidate", "book"}
    assert all(set(sets["odds"][name]) == scores for name in ("prior", "elo_textbook", "candidate", "book"))
    assert sets["all"]["candidate"]["log_loss"] < sets["all"]["prior"]["log_loss"]


def test_predictions_are_those_that_were_scored(tmp_path):
    """The CSV has the archive's own ids, one line a scored match, and gives the report's log loss."""
    frame = archive()
    predictions = tmp_path / "predictions.csv"

    report = run_backtest(
        [write(frame, tmp_path / "archive.csv")], None, TRAIN_UNTIL, TEST_UNTIL, 12, predictions
    )

    joined = pd.read_csv(predictions).merge(frame, on="match_id")
    home, away = joined["home_goals"], joined["away_goals"]
    happened = np.select([home > away, home == away], [joined["p_home"], joined["p_draw"]], joined["p_away"])
    assert list(pd.read_csv(predictions)) == ["match_id", "p_home", "p_draw", "p_away"]
    assert len(joined) == report.scorecard.rows
    assert -np.log(happened).mean() == pytest.approx(report.scorecard.forecasters["candidate"].log_loss)


def test_parquet_and_csv_give_the_same_predictions(tmp_path):
    """The form of the file changes no bit."""
    written = []
    for name in ("archive.parquet", "archive.csv"):
        out = tmp_path / f"{name}.written"
        run_backtest([write(archive(), tmp_path / name)], None, TRAIN_UNTIL, TEST_UNTIL, 12, out)
        written.append(out.read_bytes())

    assert written[0] == written[1]


def test_scores_and_odds_of_the_test_never_reach_a_prediction(tmp_path):
    """Scrambling every score and price after a day leaves all predictions up to it equal."""
    frame = archive()
    scrambled = frame.copy()
    is_later = pd.to_datetime(scrambled["date"]) > pd.Timestamp("2024-11-01")
    rng = np.random.default_rng(1)
    scrambled.loc[is_later, ["home_goals", "away_goals"]] = rng.integers(0, 9, (int(is_later.sum()), 2))
    scrambled.loc[is_later, ["odds_home", "odds_draw", "odds_away"]] = 3.0
    predictions = []
    for number, version in enumerate((frame, scrambled)):
        out = tmp_path / f"{number}.csv"
        path = write(version, tmp_path / f"{number}.parquet")
        run_backtest([path], None, TRAIN_UNTIL, TEST_UNTIL, 12, out)
        predictions.append(dict(line.split(",", 1) for line in out.read_text().splitlines()))

    until_then = set(frame.loc[~is_later, "match_id"]) & set(predictions[0])
    assert len(until_then) > 20
    assert all(predictions[0][match_id] == predictions[1][match_id] for match_id in until_then)
    assert predictions[0] != predictions[1]


def test_an_archive_without_odds_or_optional_columns(tmp_path):
    """The required columns are enough; `odds` is then an empty row set."""
    frame = archive().drop(columns=["odds_home", "odds_draw", "odds_away", "odds_type", "tier", "neutral"])

    report = run_backtest(
        [write(frame, tmp_path / "archive.parquet")], None, TRAIN_UNTIL, TEST_UNTIL, validate_months=6
    )

    sets = json.loads(report.to_json())
    assert sets["odds"] == {"n": 0}
    assert sets["all"]["n"] == 132


def test_only_closing_prices_count_as_odds(tmp_path):
    """Prices of another kind, and impossible ones, leave a row out of `odds`."""
    frame = archive()
    frame.loc[frame.index % 2 == 0, "odds_type"] = "betbrain_avg"
    frame.loc[frame["match_id"].str.startswith("2024-1-"), "odds_home"] = 0.5

    card = run_backtest([write(frame, tmp_path / "archive.parquet")], None, TRAIN_UNTIL, TEST_UNTIL).scorecard

    assert 40 < card.rows_with_odds < 66
    assert card.rows == 132


def test_statistics_reach_the_model(tmp_path):
    """With a statistics file the predictions differ, and scored rows with shots are counted."""
    frame = archive()
    rng = np.random.default_rng(2)
    stats = pd.DataFrame({"match_id": frame["match_id"]})
    stats["home_shots_on_target"] = frame["home_goals"] + rng.poisson(3, len(frame))
    stats["away_shots_on_target"] = frame["away_goals"] + rng.poisson(3, len(frame))
    path = write(frame, tmp_path / "archive.parquet")
    stats_path = write(stats, tmp_path / "stats.parquet")

    without = run_backtest([path], None, TRAIN_UNTIL, TEST_UNTIL)
    with_them = run_backtest([path], stats_path, TRAIN_UNTIL, TEST_UNTIL)

    assert (without.statistics_rows, with_them.statistics_rows) == (0, 132)
    assert without.scorecard.forecasters["candidate"] != with_them.scorecard.forecasters["candidate"]
    assert without.scorecard.forecasters["elo_textbook"] == with_them.scorecard.forecasters["elo_textbook"]


def test_several_archives_are_one_and_the_last_word_counts(tmp_path):
    """Two files with a common season give what one file gives; a match of both is taken from the later."""
    frame = archive()
    spoiled = frame[frame["season"] == "2021/2022"].assign(home_goals=9)
    whole = write(frame, tmp_path / "whole.parquet")
    parts = [
        write(spoiled, tmp_path / "spoiled.parquet"),
        write(frame[frame["season"] < "2023"], tmp_path / "old.parquet"),
        write(frame[frame["season"] >= "2023"], tmp_path / "new.parquet"),
    ]

    together, alone = (run_backtest(paths, None, TRAIN_UNTIL, TEST_UNTIL) for paths in (parts, [whole]))

    assert together.to_json() == alone.to_json()


def test_extra_time_is_neither_label_nor_rating(tmp_path):
    """A final settled on penalties is not scored."""
    frame = archive()
    frame.loc[frame["match_id"] == "2024-1-2", "status"] = "PEN"

    card = run_backtest([write(frame, tmp_path / "archive.parquet")], None, TRAIN_UNTIL, TEST_UNTIL).scorecard

    assert card.rows == 131


def test_what_cannot_be_tested_says_why(tmp_path):
    """Missing files and columns, empty windows and turned dates are named."""
    path = write(archive(), tmp_path / "archive.parquet")
    short = write(archive().drop(columns="status"), tmp_path / "short.csv")
    bad_date = write(archive().astype({"date": str}).assign(date="soon"), tmp_path / "bad.csv")

    for paths, until, reason in (
        ([], TEST_UNTIL, "at least one archive"),
        ([tmp_path / "nowhere.csv"], TEST_UNTIL, "--archive: there is no file at"),
        ([short], TEST_UNTIL, "has no column status"),
        ([bad_date], TEST_UNTIL, "no row of the archive has a date that can be used"),
        ([path], TRAIN_UNTIL, "must end after it starts"),
    ):
        with pytest.raises(ArchiveError, match=reason):
            run_backtest(paths, None, TRAIN_UNTIL, until)
    with pytest.raises(ArchiveError, match="no finished match to"):
        run_backtest([path], None, dt.date(2030, 1, 1), dt.date(2031, 1, 1))


def test_the_command_prints_the_scorecard_and_writes_what_it_is_asked_for(tmp_path):
    """A table of every forecaster with the candidate's interval; JSON and predictions in files."""
    path, predictions, card = write(archive(), tmp_path / "a.csv"), tmp_path / "p.csv", tmp_path / "c.json"
    days = ["--train-until", str(TRAIN_UNTIL), "--test-until", str(TEST_UNTIL)]
    files = ["--archive", str(path), "--json", str(card), "--predictions", str(predictions)]

    done = CliRunner().invoke(main, ["backtest", *days, *files])

    assert done.exit_code == 0, done.output
    priced, differences = re.split("with prices\n|log loss of the candidate", done.output)[1:]
    assert set(re.findall(r"^\| ([a-z]\w+) \| [01]\.", priced, re.MULTILINE)) == {
        *("prior", "elo_textbook", "candidate", "book")
    }
    assert re.search(r"\| prices \| elo_textbook \|( [+-]0\.\d{4} \|){3}", differences)
    assert json.loads(card.read_bytes())["odds"]["n"] == 132
    assert len(predictions.read_text().splitlines()) == 133
    assert "archive: 660 rows, 0 rejected, 0 results quarantined" in done.output
    missing = CliRunner().invoke(main, ["backtest", *days, "--archive", str(tmp_path / "nowhere.csv")])
    assert missing.exit_code != 0
    assert "Traceback" not in missing.output
