"""Knows the game: matches, competitions, names, ratings, features. Pure functions.

Not here: I/O, a clock, Dagster, and models of probabilities (``modelling``).
"""
