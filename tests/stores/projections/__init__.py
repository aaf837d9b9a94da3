"""Tests of season projections in the store."""
