"""Tests of what the reports read."""
