"""Tests of operating a home."""
