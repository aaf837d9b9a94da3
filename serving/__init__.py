"""The sidecar: serves predictions over HTTP from the current release.

Here: reading and verifying releases, look-ups, scoring on demand, tasks, events. Not here: making a release
(``soccer_assets``). `pyproject.toml` lists what it may import of ``soccer_assets``.
"""
