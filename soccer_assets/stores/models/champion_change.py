"""How a run changed the champion: one struct, written by `model/champion` and read by the alerts.

It travels as one JSON entry of the materialisation's metadata; the other entries are for people only.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import msgspec

from soccer_assets.contract.model_history import Kind

_KEY = "champion_change"


class ChampionChange(msgspec.Struct, frozen=True, kw_only=True):
    """The champion after a run, and why it is the champion.

    Attributes:
        kind: `kept` where the run changed nothing, `bootstrapped` for the first champion.
        version: the champion's version in the registry after the run.
        reason: one sentence, such as the verdict of the promotion gates.
    """

    kind: Kind
    version: str
    reason: str


def change_metadata(change: ChampionChange) -> dict[str, dg.MetadataValue[Any]]:
    """The entry of a materialisation that `change_of` reads back."""
    return {_KEY: dg.MetadataValue.json(msgspec.to_builtins(change))}


def change_of(metadata: Mapping[str, dg.MetadataValue[Any]]) -> ChampionChange | None:
    """The change in a materialisation's metadata; None where an older version wrote none."""
    value = metadata.get(_KEY)
    return None if value is None else msgspec.convert(value.value, type=ChampionChange)
