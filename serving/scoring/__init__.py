"""Scoring on demand: schemas of rows, the scoring child process, and the engine that runs in it.

Not here: features, ratings and models (``soccer_assets/football``, ``soccer_assets/modelling``).
"""
