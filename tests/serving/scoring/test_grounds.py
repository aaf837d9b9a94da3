"""Where a hypothetical match is played: as the request says, otherwise by the rules that batches follow."""

import msgspec
import pytest

from serving.release.scoring_files import ScoringFiles
from serving.scoring.engine import Engine
from serving.scoring.schemas import Pairing, ScoredPairing
from soccer_assets.contract.prediction import Provenance
from tests.serving.league import directory, model, team_state

NATIONS = ("Mexico", "Brazil", "USA", "Japan", "Kenya", "Ghana", "Peru", "Chile")
WORLD_CUP = ("FIFA-WC", "World Cup", "International")
FINALS = ("UEFA-CL", "Champions League", "International")
PLAYED = ("INTERNATIONAL-AFC-CHAMPIONS-LEAGUE", "AFC Champions League", "International")


@pytest.fixture(scope="module")
def engine_of(tmp_path_factory):
    """Makes an engine whose teams have some names, with a league and a cup that have results."""

    def make(cup, names=NATIONS):
        folder = tmp_path_factory.mktemp("engine")
        files = {
            "model": model().to_bytes(),
            "team_state": team_state(cup[0]).to_bytes(),
            "directory": msgspec.json.encode(directory(names, cup)),
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return Engine(
            ScoringFiles(
                **{name: str(folder / name) for name in files},
                provenance=Provenance(
                    model="champion", model_version="7", model_run_id="r", release_id="r1", feed="simulated"
                ),
            )
        )

    return make


@pytest.fixture(scope="module")
def world_cup(engine_of):
    """An engine that knows the World Cup."""
    return engine_of(WORLD_CUP)


def ask(engine, competition, home, away, kickoff, **stated):
    """The answer to one pairing."""
    row = Pairing(home_team=home, away_team=away, kickoff=kickoff, competition=competition, **stated)
    (answer,) = engine.answer([row], "2025-04-25T09:00:00Z", with_reasons=True)
    assert isinstance(answer, bytes), answer
    return msgspec.json.decode(answer, type=ScoredPairing)


def ground(body):
    """What an answer says of the ground."""
    return body.neutral, body.away_is_host, body.ground_rule


def test_a_tournaments_host_is_at_home_whichever_side_is_named_first(world_cup):
    """Named second it is turned round for the model, and all of its forecast is turned back."""
    first = ask(world_cup, "FIFA-WC", "Mexico", "Kenya", "2026-06-15T19:00:00Z")
    second = ask(world_cup, "FIFA-WC", "Kenya", "Mexico", "2026-06-15T19:00:00Z")

    assert ground(first) == (False, False, None)
    assert ground(second) == (False, True, "World Cup: the host")
    assert (second.home_team.name, second.away_team.name) == ("Kenya", "Mexico")
    assert (first.p_home, first.p_draw, first.p_away) == pytest.approx(
        (second.p_away, second.p_draw, second.p_home), abs=1e-12
    )
    goals = first.expected_goals, second.expected_goals
    assert (goals[0].home, goals[0].away) == pytest.approx((goals[1].away, goals[1].home), abs=1e-9)
    scores = [{(score.home, score.away): score.p for score in body.likely_scores} for body in (first, second)]
    assert scores[0] == pytest.approx({(away, home): p for (home, away), p in scores[1].items()}, abs=1e-9)
    assert [-reason.log_odds for reason in second.reasons] == pytest.approx(
        [reason.log_odds for reason in first.reasons]
    )


@pytest.mark.parametrize(
    ("home", "away", "expected"),
    [
        ("Kenya", "Ghana", (True, False, "World Cup")),
        ("USA", "Mexico", (True, False, "World Cup")),  # two hosts: neither is more at home
        ("usa", "Ghana", (False, False, None)),
    ],
)
def test_a_tournament_is_on_neutral_ground_for_all_but_its_hosts(world_cup, home, away, expected):
    """By competition and day alone."""
    assert ground(ask(world_cup, "World Cup", home, away, "2026-06-20")) == expected


def test_qualifiers_are_at_home(world_cup):
    """The stage decides before the day does."""
    body = ask(world_cup, "FIFA-WC", "Kenya", "Ghana", "2026-06-20", stage="World Cup Qualification")

    assert ground(body) == (False, False, None)


def test_what_the_request_says_goes_before_the_rules(world_cup):
    """Neutral where it says so; where it says not, only a host named second is at home."""
    kickoff = "2026-06-20"
    stated = ask(world_cup, "FIFA-WC", "Mexico", "Ghana", kickoff, neutral=True)
    at_home = ask(world_cup, "FIFA-WC", "Kenya", "Ghana", kickoff, neutral=False)
    host = ask(world_cup, "FIFA-WC", "Ghana", "Mexico", kickoff, neutral=False)

    assert ground(stated) == (True, False, "the request says so")
    assert ground(at_home) == (False, False, None)
    assert ground(host) == (False, True, "World Cup: the host")


@pytest.mark.parametrize(
    ("kickoff", "stated", "is_neutral"),
    [
        ("2026-05-30", {}, True),  # a day on which the final is played
        ("2027-05-29", {}, False),
        ("2027-05-29", {"stage": "Final"}, True),
        ("2027-05-29", {"stage": "FINAL"}, True),
        ("2027-05-29", {"stage": "Final", "leg": 2}, False),
        ("2027-05-29", {"stage": "Final, 2nd leg"}, False),
        ("2027-05-29", {"stage": "Semi-finals"}, False),
        ("2027-05-29", {"stage": "Matchday 5"}, False),
        ("2027-05-29", {"stage": "Final", "neutral": False}, False),
    ],
)
def test_stage_leg_and_day_decide_in_a_cup(engine_of, kickoff, stated, is_neutral):
    """A final of one leg is on neutral ground, also in a season whose day is not known yet."""
    body = ask(engine_of(FINALS), "UEFA-CL", "Mexico", "Kenya", kickoff, **stated)

    assert (body.neutral, body.away_is_host) == (is_neutral, False)
    assert body.ground_rule == ("final of one leg" if is_neutral else None)
    other = ask(engine_of(FINALS), "UEFA-CL", "Kenya", "Mexico", kickoff, **stated)
    assert (body.p_home == pytest.approx(other.p_away, abs=1e-12)) == is_neutral


def test_league_matches_are_at_home(world_cup):
    """A competition without a rule for the day and stage."""
    body = ask(world_cup, "ENG-2", "Mexico", "Kenya", "2025-09-20", stage="Regular season")

    assert ground(body) == (False, False, None)
