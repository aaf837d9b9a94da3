"""The contract: what the graph publishes and the sidecar reads. Structs, keys and pure rendering.

The graph imports nothing of the sidecar. What the sidecar imports of ``soccer_assets`` beside this package is
listed in ``pyproject.toml`` (import-linter). Readers ignore fields they do not know, so a new field ships
first in the graph. Not here: anything that reads, writes or imports more than msgspec.
"""
