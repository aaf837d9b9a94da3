"""Tests of what the graph stores, on real databases, stores and servers."""
