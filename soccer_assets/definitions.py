"""The code location: the graph of the home that the environment names."""

from soccer_assets.graph.build import build_definitions
from soccer_assets.settings import Settings

defs = build_definitions(Settings.from_env())
