"""Everything that is Dagster: assets, checks, jobs, schedules, sensors, and the builder that joins them.

Other Dagster projects call this folder ``defs``; here a function builds it, because it needs settings. Here:
thin assets (read, call one function, write, return metadata). Not here: arithmetic (``football``,
``modelling``), SQL and files (``stores``), clients (``resources``).
"""
