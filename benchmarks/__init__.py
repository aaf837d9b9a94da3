"""Benchmarks: the figures of docs/benchmarks.md, each printed by a command that anyone can run."""
