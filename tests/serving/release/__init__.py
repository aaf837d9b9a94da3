"""Tests of the release as the sidecar holds it."""
