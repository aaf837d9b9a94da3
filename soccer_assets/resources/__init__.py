"""Outside systems only, one file each: database, object store, event bus, MLflow, Dagster's runs, parquet.

Not here: rules of what is stored or when (``stores``).
"""
