"""Tests of evaluations and training data."""
