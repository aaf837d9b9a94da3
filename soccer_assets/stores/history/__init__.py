"""The history beside a release: parts by season, made of matches, ledger and features, and their index.

Here: what changed since the last index, and what is written. Not here: the structs
(``contract/history_parts.py``) and the reading of parts (the sidecar).
"""
