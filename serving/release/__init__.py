"""The current release in memory: fetched, verified, opened, and swapped by one assignment.

Not here: writing a release (``soccer_assets/stores/releases``), and when to reload (``reloader.py``).
"""
