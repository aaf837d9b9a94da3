"""Tests of bulk scoring in the background."""
