"""The match tables: raw rows, normalised matches, teams, aliases, competitions, quarantine.

Here: every statement that reads or writes them. Not here: what a match or a team is (``football``) and how a
provider says it (``feeds``).
"""
