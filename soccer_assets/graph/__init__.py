"""Everything that is Dagster: assets, checks, jobs, schedules, sensors, and the builder that joins them.

Here: thin assets (read, call one function, write, return metadata). Not here: arithmetic (``football``,
``modelling``), statements and files (``stores``), clients (``resources``).
"""
