"""The team state as bytes."""

import hashlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from soccer_assets.football.features import apply_results, compute_features
from soccer_assets.football.ratings import state as state_module
from soccer_assets.football.ratings.state import TeamState
from tests.football.helpers import random_table


def test_bytes_give_the_state_back():
    """A state read from its bytes has the same bytes, hash and records."""
    state = apply_results(random_table(1, 80))

    read = TeamState.from_bytes(state.to_bytes())

    assert read.to_bytes() == state.to_bytes()
    assert read.sha256 == state.sha256
    assert read.team(state.team_names[0])["elo"] == state.teams["elo"][0]
    assert read.team("nobody") is None


def test_the_stored_layout_keeps_its_names():
    """States of releases in use are read by this layout: a renamed field keeps its stored name."""
    layout = msgspec.msgpack.decode(TeamState.initial().to_bytes())[1]

    assert hashlib.sha256(layout.encode()).hexdigest() == (
        "b6923d8e4b5448aa54dd7b402b03c78894915844b7637c0fd78081d02b794609"
    )


OLDER_LAYOUT_SHA256 = "aa372484b1eae5dd33faf1822f753822f7d11d667f5d9823f518104d1adee503"


def test_a_state_of_before_the_priced_model_is_read():
    """Its records say the same of every match: the priced model is the joint one until a price is seen."""
    state = apply_results(random_table(1, 80, priced=False))
    upcoming = replace(random_table(2, 20, priced=False), kickoff=np.full(20, state.as_of + 9 * 86_400))
    parts = msgspec.msgpack.decode(state.to_bytes())
    parts[0], parts[1] = "soccer-assets team state 3", state_module._OLDER_LAYOUT
    parts[7] = older(state.teams, state_module._OLDER_TEAM_DTYPE).tobytes()
    parts[8] = older(state.leagues, state_module._OLDER_LEAGUE_DTYPE).tobytes()

    read = TeamState.from_bytes(msgspec.msgpack.encode(parts))

    assert hashlib.sha256(parts[1].encode()).hexdigest() == OLDER_LAYOUT_SHA256
    features = [compute_features(upcoming, known)[0].values.tobytes() for known in (state, read)]
    assert features[0] == features[1]


def older(records, dtype):
    """The records as they were stored before there was a priced model."""
    stored = np.zeros(len(records), dtype)
    for name in dtype.names:
        now = records[name]
        if now.shape != stored[name].shape:
            now = now[:, 0] if name.startswith("statistic_") else now[:, : stored[name].shape[1]]
        stored[name] = now
    return stored


def test_the_initial_state_has_bytes_too():
    """A home without results still has a state to publish."""
    read = TeamState.from_bytes(TeamState.initial().to_bytes())

    assert read.as_of is None
    assert read.team_names == ()


@pytest.mark.parametrize("data", [b"", b"garbage", msgspec.msgpack.encode(["another file", 1])])
def test_garbage_is_refused(data):
    """Bytes that are no state raise an error that says what to do."""
    with pytest.raises(ValueError, match="rebuild it"):
        TeamState.from_bytes(data)


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, "soccer-assets team state 0", "another version"),
        (1, "[('elo', '<f8')]", "another version"),
        (3 + 1, ["Ash"], "damaged"),
        (7, b"\0" * 8, "damaged"),
    ],
)
def test_another_layout_or_damage_is_refused(position, value, reason):
    """A state of other ratings, or one whose names and records disagree, is never read."""
    parts = msgspec.msgpack.decode(apply_results(random_table(1, 80)).to_bytes())
    parts[position] = value

    with pytest.raises(ValueError, match=reason):
        TeamState.from_bytes(msgspec.msgpack.encode(parts))


def test_a_state_is_not_changed_by_what_comes_after():
    """Applying results leaves the state they start from as it was."""
    matches = random_table(2, 80)
    is_early = matches.result_known_at <= sorted(matches.result_known_at)[40]
    state = apply_results(matches.take(is_early))
    before = state.to_bytes()

    apply_results(matches.take(~is_early), state)

    assert state.to_bytes() == before
