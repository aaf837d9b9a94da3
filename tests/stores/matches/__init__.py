"""Tests of the match tables."""
