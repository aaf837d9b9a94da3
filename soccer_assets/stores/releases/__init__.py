"""Writes releases: files, manifest, pointer, status, API keys and the directory of names.

Here: the order files -> manifest -> pointer -> event. Not here: the structs (``contract``), reading a release
(``serving/release``).
"""
