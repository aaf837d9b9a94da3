"""Strengths of both sides before a match, from the features' parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.history.parts import StrengthsOf
from soccer_assets.stores.history.season_draft import Strengths


def strengths_of(features: FeatureStore) -> StrengthsOf:  # noqa: ARG001
    """A reader of strengths."""

    def read(_rows: Sequence[Any]) -> Mapping[str, Strengths]:
        return {}

    return read
