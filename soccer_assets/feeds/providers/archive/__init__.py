"""An archive of matches in the documented schema: parquet or CSV, at any fsspec address."""
