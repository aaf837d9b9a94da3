"""The game: matches, competitions, names, rules of valid rows, ratings, features. Pure functions.

Not here: I/O, a clock, Dagster, and models of probabilities (``modelling``).
"""
