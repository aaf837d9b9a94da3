"""Tests of the release as it is written."""
