"""Tests of running a home."""
