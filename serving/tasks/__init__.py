"""Bulk scoring in the background: the queue, the store of tasks and results, the worker."""
