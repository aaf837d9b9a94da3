"""Bulk scoring in the background: the job queue, the store of rows and results, the worker.

Not here: scoring a row (``scoring``), the routes that accept and report tasks (``routes``).
"""
