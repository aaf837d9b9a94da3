"""The match tables: raw rows, normalised matches, teams, aliases, competitions, quarantine.

Here: every statement that reads or writes them. Not here: rules about matches and teams (``football``), and
the formats of providers (``feeds``).
"""
