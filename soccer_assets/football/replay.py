"""Carrying features on: from a checkpoint, for the hourly increment and after a corrected score.

A prediction knows only what was known at its kickoff, so a match that is under way, or one of today whose
time is unknown, cannot be predicted from the newest state. It is predicted from a checkpoint: a state of some
days ago, on which everything since is replayed. That is the same pass over fewer rows, equal to the bit.
"""

from collections.abc import Sequence

import numpy as np

from soccer_assets.football.features import FeatureTable, apply_results, compute_features, run_from
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.team_state import TeamState


def checkpoints(matches: MatchTable, instants: Sequence[int]) -> list[TeamState]:
    """The states after the results known at each instant, in one walk through the history.

    Args:
        matches: the whole history.
        instants: epoch seconds, in order of time.

    Raises:
        ValueError: the instants are not in order.
    """
    if list(instants) != sorted(instants):
        raise ValueError("checkpoints are made in order of time; sort the instants")
    known_at = matches.result_known_at
    state, states = TeamState.initial(), []
    done = np.zeros(len(matches), np.bool_)
    for instant in instants:
        due = matches.moves_ratings & (known_at <= instant) & ~done
        state = apply_results(matches.take(due), state)
        states.append(state)
        done |= due
    return states


def replay(matches: MatchTable, state: TeamState) -> tuple[FeatureTable, TeamState]:
    """Features of what is predicted from the state's last result on, and the state after all results.

    Rows predicted earlier keep the features they have and are left out; results that the state holds are not
    applied again. If ``state`` is a checkpoint of the same history, features and state are those that
    `compute_features` gives over all of it, to the bit.

    Args:
        matches: every match since the checkpoint, at least; the whole history does no harm.
        state: a checkpoint, not newer than the first row that changed (`first_change`).
    """
    if state.as_of is None:
        return compute_features(matches, state)
    known_at, asked_at = matches.result_known_at, matches.features_as_of
    is_later = (known_at > state.as_of) | (
        (known_at == state.as_of) & (matches.match_id.astype(str) > state.as_of_match_id)
    )
    rows = np.flatnonzero((asked_at >= state.as_of) | (matches.moves_ratings & is_later))
    return run_from(matches.take(rows), state, asked_at[rows] >= state.as_of)


def first_change(before: MatchTable, after: MatchTable) -> int | None:
    """The earliest instant, in epoch seconds, at which a row that differs is predicted; None without one.

    A row that only one table has differs. Both tables may be cut to what can have changed.
    """
    differing = _rows(before) ^ _rows(after)
    return min((instant for instant, *_ in differing), default=None)


def checkpoint_before(states: Sequence[TeamState], instant: int) -> TeamState:
    """The newest state from which a match predicted at ``instant`` can be replayed; the empty one if none."""
    usable = [state for state in states if state.as_of is not None and state.as_of <= instant]
    return max(usable, key=lambda state: (state.as_of, state.as_of_match_id), default=TeamState.initial())


def _rows(table: MatchTable) -> set[tuple[int, ...]]:
    """Every row with all it says, the instant at which it is predicted first."""
    columns = (getattr(table, name).tolist() for name in MatchTable.__dataclass_fields__)
    return set(zip(table.features_as_of.tolist(), *columns, strict=True))
