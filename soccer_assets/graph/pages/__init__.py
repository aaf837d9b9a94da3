"""Metadata of assets for people: column schemas, Markdown tables and plots.

Not here: the numbers themselves (``modelling``).
"""
