"""Spellings and renames of clubs that are written down: ``team_names.toml`` beside this module.

For what no fixture can prove: a club that changed its name between two seasons, and two clubs whose names are
alike. What a person of one home decides is not here but in that home's database.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated

import msgspec

from soccer_assets.football.spellings import Spellings
from soccer_assets.football.text_folding import fold

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of one club, or of several that are alike."""

    country: _Text
    names: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=2)]
    source: _Text


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    same: tuple[_Entry, ...] = ()
    apart: tuple[_Entry, ...] = ()


@cache
def written_names() -> Mapping[str, Spellings]:
    """By country, which names are one club and which are two.

    Raises:
        ValueError: an entry lacks a field, or a name is given to two clubs.
    """
    text = resources.files(__package__).joinpath("team_names.toml").read_bytes()
    try:
        entries = msgspec.toml.decode(text, type=_File)
    except msgspec.ValidationError as fault:
        raise ValueError(f"team_names.toml: {fault}") from fault
    groups: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    apart: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in entries.same:
        names = tuple(fold(name) for name in entry.names)
        for name in names:
            if name in groups[entry.country]:
                raise ValueError(f"team_names.toml: {name!r} of {entry.country} stands in two groups")
            groups[entry.country][name] = names
    for entry in entries.apart:
        first_names = {fold(name) for name in entry.names}
        for one, other in itertools.product(first_names, repeat=2):
            if one < other:
                apart[entry.country].add((one, other))
    return {
        country: Spellings(groups=groups[country], apart=frozenset(apart[country]))
        for country in groups.keys() | apart.keys()
    }
