"""Benchmarks: figures of the README, each printed by a command that anyone can run."""
