"""Tests of the stores, on both database engines."""
