"""Masking: what another run of the same code draws anew is replaced, sentences for people are taken out."""

import json
import re
from typing import Any

# Sentences for people, by the name of their field; `stale_reasons` is a list of them.
TEXT_FIELDS = (
    "description",
    "summary",
    "help",
    "short_help",
    "epilog",
    "detail",
    "message",
    "text",
    "promise",
)
_TEXT = re.compile(rf'"({"|".join(TEXT_FIELDS)}|reason)":\s*("(?:[^"\\]|\\.)*")')
_STALE = re.compile(r'"stale_reasons":\s*(\[[^\]]+\])')
# Drawn by MLflow, Dagster or the sidecar, told by the clock of the wall, or a fingerprint of the code.
_DRAWN = re.compile(
    r'"(last_materialized_at|task_id|made_by|code_version|manifest_sha256|run_id|uptime_seconds|pid)"'
    r':\s*("(?!<)(?:[^"\\]|\\.)*"|[\d.]+)'
)
_FILE_WITH_IDS = re.compile(r'("predictions\.sqlite":\s*)\{[^}]*\}')


class Mask:
    """Replaces what is drawn anew in every run, and takes texts out: ``texts`` has them by their place."""

    def __init__(self) -> None:
        self.texts: dict[str, Any] = {}
        self._known: dict[str, str] = {}

    def know(self, value: str, instead: str) -> None:
        """Replace ``value`` wherever it stands from now on."""
        if value:
            self._known[value] = instead

    def ids(self, text: str) -> str:
        """The text without drawn ids."""
        for value, instead in self._known.items():
            text = text.replace(value, instead)
        text = _FILE_WITH_IDS.sub(r'\1"<file with ids>"', text)
        return _DRAWN.sub(lambda found: f'"{found[1]}":"<drawn>"', text)

    def __call__(self, text: str, place: str = "") -> str:
        """The text without drawn ids and without JSON's sentences, which go to the texts of a ``place``."""
        texts: list[str] = []

        def taken(found: re.Match[str]) -> str:
            texts.append(json.loads(found[2]))
            return f'"{found[1]}":"<text>"'

        def all_taken(found: re.Match[str]) -> str:
            texts.extend(json.loads(found[1]))
            return '"stale_reasons":["<text>"]'

        text = _STALE.sub(all_taken, _TEXT.sub(taken, self.ids(text)))
        if texts and place:
            self.texts[place] = texts
        return text

    def document(self, value: Any, place: str) -> Any:
        """The same for a parsed document; a field whose value is no text holds no sentence."""
        if isinstance(value, dict):
            kept = {}
            for key, one in value.items():
                if key in TEXT_FIELDS and isinstance(one, str):
                    self.texts[f"{place}.{key}"] = self.ids(one)
                else:
                    kept[key] = self.document(one, f"{place}.{key}")
            return kept
        if isinstance(value, list):
            return [self.document(one, f"{place}[{number}]") for number, one in enumerate(value)]
        return self.ids(value) if isinstance(value, str) else value
