"""What the feeds' providers ask for: the line that names them."""

from soccer_assets.contract.release import Manifest


def attribution_of(manifest: Manifest | None) -> str:
    """The line that names the sources; the feeds' names where a release of an earlier version has none."""
    if manifest is None:
        return ""
    lines = dict.fromkeys(term.attribution for term in manifest.terms if term.attribution)
    return "; ".join(lines) or manifest.feed
