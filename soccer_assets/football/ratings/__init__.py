"""Ratings and form: one file a system, one pass that moves them all.

Here: what a match does to what is known of its teams, and what is known before it. Arithmetic on values
passed in. Not here: reading or storing rows (``stores/features``), and which columns a model takes
(``football/features.py``).
"""
