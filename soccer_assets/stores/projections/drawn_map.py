"""The map of one season's places as it was drawn last: drawn again where the projection is new.

Drawing loads a library for a second; most hours change no result of the league that is drawn.
"""

from collections.abc import Callable

import msgspec

from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import decoded_or_none

KEY = "projections/map.json"


class _DrawnMap(msgspec.Struct, frozen=True, kw_only=True):
    """An image as Markdown, and what it shows."""

    shows: str
    image: str


def drawn_map(store: ObjectStore, shows: str, draw: Callable[[], str]) -> str:
    """The image of the last run where it shows the same; else a new one, which is kept.

    Args:
        store: keeps one image.
        shows: names the projection and how it is drawn.
        draw: makes the image, as Markdown.
    """
    last = decoded_or_none(store.read(KEY), _DrawnMap)
    if last is not None and last.shows == shows:
        return last.image
    image = draw()
    store.write(KEY, msgspec.json.encode(_DrawnMap(shows=shows, image=image)))
    return image
