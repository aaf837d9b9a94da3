"""Knows the game: matches, competitions, ratings, features. Pure functions, no I/O, no clock, no Dagster."""
