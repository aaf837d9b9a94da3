"""Clients of outside systems, one per file: database, object store, events, MLflow, Dagster's runs, parquet.

Not here: rules about which rows and files are stored, and when (``stores``).
"""
