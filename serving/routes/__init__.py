"""Routes, one file a group of paths: each handler is one look-up long.

Not here: what is the same for all routes (``http``) and clients of other systems (``backends``).
"""
