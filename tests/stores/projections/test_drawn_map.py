"""The image of the last run is used where it shows the same."""

from pathlib import Path

from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections.drawn_map import KEY, drawn_map


def test_an_image_is_drawn_where_it_shows_something_new(tmp_path: Path) -> None:
    """Once for the same projection, again for another one, and where what was kept is damaged."""
    store, drawn = ObjectStore(tmp_path.as_uri()), list[str]()

    def draw(shows: str) -> str:
        def made() -> str:
            drawn.append(shows)
            return f"![{shows}]"

        return drawn_map(store, shows, made)

    assert [draw("one"), draw("one"), draw("two"), draw("one")] == ["![one]", "![one]", "![two]", "![one]"]
    assert drawn == ["one", "two", "one"]
    store.write(KEY, b"{")
    assert draw("one") == "![one]"
    assert drawn == ["one", "two", "one", "one"]
