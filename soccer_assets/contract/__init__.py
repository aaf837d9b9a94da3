"""The contract: what the graph publishes and the sidecar reads. Structs, keys and pure rendering.

Both sides import this package and nothing else of each other. Readers ignore fields they do not know, so a
new field ships first in the graph. Not here: anything that reads, writes or imports more than msgspec.
"""
