"""The asset of the history: what a run writes, what the pointer names, and that no release depends on it."""

import datetime as dt

import msgspec
import pytest

from soccer_assets.contract.history_parts import HistoryIndex, SeasonPart, history_key, history_mark_key
from soccer_assets.contract.release import CHAMPION
from soccer_assets.graph.assets import history
from soccer_assets.stores.history.parts import HistorySource, lost_parts, read_object, update_history
from soccer_assets.stores.history.strengths import strengths_of
from tests.builders import NOW, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.graph.assets.test_refresh import HOURLY, TO_RELEASE, checks, play
from tests.models import elo_model

HISTORY = "history/parts"


@pytest.fixture
def filled(graph: Graph) -> Graph:
    """A graph whose two leagues of 60 matches are published with their history."""
    graph.feed.items = two_leagues()
    assert graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01")).success
    result = graph.run(*HOURLY, HISTORY)
    assert result.success, [event.message for event in result.get_step_failure_events()]
    return graph


def _index(graph: Graph) -> HistoryIndex:
    pointer = graph.releases.pointer()
    assert graph.store.exists(history_mark_key(pointer.release_id, pointer.history.sha256))
    return read_object(graph.store, pointer.history.sha256, HistoryIndex)


def _parts(graph: Graph) -> dict[str, SeasonPart]:
    return {
        entry.competition: read_object(graph.store, entry.sha256, SeasonPart)
        for entry in _index(graph).seasons
    }


def test_the_pointer_names_every_season_with_its_forecasts_and_tables(filled: Graph) -> None:
    """Two leagues: every match once, forecasts of the ledger on those ahead, the table of those played."""
    parts = _parts(filled)

    assert sorted(parts) == ["TST-1", "TST-2"]
    part = parts["TST-1"]
    played = [one for one in part.matches if one.status == "finished"]
    ahead = [one for one in part.matches if one.entries]
    assert len(part.matches) == 60
    assert [name for _, name in sorted(part.teams, key=lambda team: team[1])] == [
        f"TST-1 team {letter}" for letter in "ABCDEF"
    ]
    assert {one.said[0].at for one in ahead} == {int(NOW.timestamp())}
    assert {one.status for one in ahead} == {"scheduled"}
    assert sum(line.played for line in part.table.lines) == 2 * len(played)
    assert [line.place for line in part.table.lines] == [1, 2, 3, 4, 5, 6]
    assert all(one.goals is not None for one in played)
    assert all(50 < side.attack < 400 and side.attack_sd > 0 for one in played for side in one.strengths)
    assert len({one.strengths for one in played}) > len(played) // 2


def test_a_result_writes_its_season_alone_and_as_a_new_build_would(filled: Graph) -> None:
    """An hour later one match is over: one part and the index are new, the forecast is scored."""
    before, match = _index(filled), filled.feed.items[55]
    play(filled, match, "4-0")
    filled.at(match.kickoff + dt.timedelta(hours=3))
    filled.registry.add(elo_model(0.9), CHAMPION)
    filled.run(*HOURLY, HISTORY)
    after, part = _index(filled), _parts(filled)["TST-1"]
    one = next(one for one in part.matches if one.goals == (4, 0))
    source = HistorySource(
        database=filled.database,
        strengths_of=strengths_of(filled.features, filled.features.manifest()),
        feed=filled.feed.name,
        is_simulated=filled.feed.is_simulated,
        now=filled.clock.now(),
    )

    assert before.teams == after.teams
    assert before.seasons[0] != after.seasons[0]
    assert one.verdict == "scored"
    assert one.said[one.official].at == int(NOW.timestamp())
    filled.store.delete("history/current.json")
    whole = update_history(filled.store, source)
    assert whole.is_whole
    assert whole.index == after


def test_a_broken_history_leaves_a_new_release_with_the_last_one(
    filled: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asset raises: the release is published, and its pointer names the index of before."""

    def broken(*_arguments: object) -> None:
        raise RuntimeError("no history today")

    before = filled.releases.pointer()
    monkeypatch.setattr(history, "update_history", broken)
    filled.registry.add(elo_model(0.9), CHAMPION)
    result = filled.run(*TO_RELEASE, HISTORY)
    after = filled.releases.pointer()

    assert [event.step_key for event in result.get_step_failure_events()] == ["history__parts"]
    assert after.release_id != before.release_id
    assert after.history == before.history
    assert _index(filled).seasons


def test_a_run_without_a_change_writes_nothing(filled: Graph) -> None:
    """The same index, the same pointer, no object more."""
    objects, pointer = filled.store.list("history"), filled.releases.pointer()
    shown = filled.metadata(filled.run(HISTORY), HISTORY)

    assert shown["parts_written"] == 0
    assert shown["is_published_now"] is False
    assert (filled.store.list("history"), filled.releases.pointer()) == (objects, pointer)


def test_the_check_tells_a_lost_part_and_the_next_run_makes_it_anew(filled: Graph) -> None:
    """The part of a season is gone from the store: the same part is there again after a run."""
    key = history_key(_index(filled).seasons[0].sha256)
    filled.store.delete(key)
    assert lost_parts(filled.store, filled.releases.pointer().history.sha256) == [key]

    assert checks(filled.run(HISTORY)) == {"index_is_whole": True}
    assert filled.store.exists(key)


def test_parts_are_small(filled: Graph) -> None:
    """A row is an array: 60 matches of a league with forecasts are below 8 kB, and decode as they were."""
    entry = _index(filled).seasons[0]
    part = read_object(filled.store, entry.sha256, SeasonPart)

    assert entry.bytes < 8_192
    assert msgspec.json.decode(msgspec.json.encode(part), type=SeasonPart) == part
