"""Tests of what the asset pages show."""
