"""The data platform: feeds in, predictions out, as one asset graph.

It stays empty: the sidecar imports ``soccer_assets.contract`` and must not load the graph's libraries.
"""
