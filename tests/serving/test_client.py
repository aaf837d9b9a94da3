"""The typed client against the sidecar as it runs: granian, Valkey, the worker process."""

import msgspec
import pytest

from serving.client import Client, RefusedError
from serving.scoring.assumptions import Assumption
from serving.scoring.schemas import Pairing
from tests.services import valkey
from tests.serving.builders import TOKENS, write_keys, write_projections, write_status
from tests.serving.league import make_scoring_release
from tests.serving.processes import ready_release, sidecar, wait_until
from tests.serving.routes.test_projections import projections_file
from tests.serving.tasks.test_queue import worker

PAIRING = Pairing(home_team="Leeds", away_team="Derby", kickoff="2025-04-27T14:00:00Z", competition="ENG-2")


def is_warm(soccer):
    """Whether pairings are scored yet."""
    try:
        return bool(soccer.score(PAIRING).p_home)
    except RefusedError as error:
        if error.problem.status != 503:
            raise
        return False


def test_client_reads_scores_and_waits(tmp_path):
    """Every method answers its struct; an error of the sidecar is an exception with its problem."""
    make_scoring_release(tmp_path / "store")
    write_projections(tmp_path / "store", projections_file())
    write_status(tmp_path / "store")
    write_keys(tmp_path / "store", {"reader": ("read",), "admin": ("admin",)})
    with (
        valkey(tmp_path) as redis_url,
        sidecar(tmp_path, redis_url=redis_url) as (address, _),
        Client(address, TOKENS["admin"]) as soccer,
        Client(address, TOKENS["reader"]) as reader,
    ):
        wait_until(lambda: ready_release(address) == "r1")
        assert soccer.prediction("m1").p_home == 0.5
        assert [prediction.match_id for prediction in reader.upcoming(from_="2025-04-26", limit=1)] == ["m1"]
        several = reader.predictions(["m1", "nobody"])
        assert ([item.match_id for item in several.items], several.unknown) == (["m1"], ("nobody",))
        lines = list(reader.look_up(["m1", "nobody"] * 150))
        assert lines[::2] == [reader.prediction("m1")] * 150
        assert {line.status for line in lines[1::2]} == {404}
        with pytest.raises(RefusedError, match="413"):
            list(reader.look_up(["m1"] * 10_001))
        assert soccer.model().version == "7"
        (line,) = (one for one in reader.projections() if one.teams)
        stored = reader.projection(line.competition)
        assert stored.as_of == line.as_of
        home, away = (one.team.name for one in stored.teams if one.team.name in {"Leeds", "Derby"})
        won = Assumption(home_team=home, away_team=away, home_goals=3, away_goals=0)
        # Compiled beside busy cores.
        assert soccer.assume(line.competition, [], patience=300.0) == stored
        assert soccer.assume(line.competition, [won]).assumed[0].home_goals == 3
        with pytest.raises(RefusedError, match="404"):
            soccer.markets("m1")  # of a version without goal rates
        with pytest.raises(RefusedError, match=r"403 Forbidden.*'predict'"):
            reader.score(PAIRING)
        with pytest.raises(RefusedError, match="503"):
            soccer.livescores()

        wait_until(lambda: is_warm(soccer))
        scored = soccer.score(PAIRING)
        assert scored.p_home + scored.p_draw + scored.p_away == pytest.approx(1.0)
        assert scored.markets is None
        handicaps = soccer.score(PAIRING, markets=True).markets.asian_handicap.home
        assert handicaps[10].line == -0.5
        assert handicaps[10].bet.win == pytest.approx(scored.p_home)
        with worker(tmp_path, redis_url):
            done = soccer.wait(soccer.submit([PAIRING] * 3, "three"))
    assert [item.p_home for item in done.result.items] == [scored.p_home] * 3


def test_an_assumption_is_asked_again_while_the_simulation_compiles(httpserver):
    """As long as the answer is 503 and says when; any other refusal, and the end of patience, are told."""
    body = {
        "type": "urn:soccer-assets:problem:not-now",
        "title": "",
        "status": 503,
        "detail": "",
        "instance": "",
    }
    projection = projections_file().competitions["ENG-2"].projection

    def answers(*refusals):
        httpserver.clear_all_handlers()
        for status, headers in refusals:
            handler = httpserver.expect_oneshot_request("/projections/ENG-2", method="POST")
            handler.respond_with_json(body | {"status": status}, status, headers)
        handler = httpserver.expect_oneshot_request("/projections/ENG-2", method="POST")
        handler.respond_with_data(msgspec.json.encode(projection))

    at_once, later = (503, {"Retry-After": "0"}), (503, {"Retry-After": "60"})
    with Client(httpserver.url_for("/"), "key") as soccer:
        answers(at_once, at_once)
        assert soccer.assume("ENG-2", []) == projection
        for refusal in (later, (503, {}), (503, {"Retry-After": "soon"}), (429, {"Retry-After": "0"})):
            answers(refusal)
            with pytest.raises(RefusedError, match=str(refusal[0])):
                soccer.assume("ENG-2", [], patience=1.0)
