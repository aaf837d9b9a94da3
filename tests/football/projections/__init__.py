"""Tests of season projections: rules, standings, simulation."""
