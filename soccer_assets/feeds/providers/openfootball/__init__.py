"""The feed of openfootball's JSON files.

Here: a row as a match (``openfootball_rows``), which files a window needs (``openfootball_feed``).
"""
