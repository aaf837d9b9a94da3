"""The commands of a how-to page, as its reader copies them."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs" / "how-to"


def commands(page: str, heading: str = "") -> list[str]:
    """The lines of the first shell block below a heading (``""``: the title), without their comments.

    Raises:
        LookupError: the page has no such heading, or no block below it.
    """
    text = (_DOCS / page).read_text()
    if heading:
        _, found, text = text.partition(f"\n## {heading}\n")
        if not found:
            raise LookupError(f"{page} has no heading {heading!r}")
    text = text.split("\n## ", 1)[0]
    block = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if block is None:
        raise LookupError(f"{page}: no commands below {heading or 'the title'!r}")
    lines = (re.sub(r"\s{2,}#.*", "", line).strip() for line in block[1].splitlines())
    return [line for line in lines if line and not line.startswith("#")]
