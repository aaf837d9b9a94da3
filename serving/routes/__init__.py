"""Handlers, one file for each group of paths; a handler parses, calls one function and answers.

Not here: what all routes share (``http``), clients of other systems (``backends``).
"""
