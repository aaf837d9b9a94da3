"""Inputs of the monitoring reports: settled matches, and the latency of results.

Not here: the reports' arithmetic (``modelling``).
"""
