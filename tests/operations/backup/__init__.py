"""Tests of `soccer backup` and `soccer restore`."""
