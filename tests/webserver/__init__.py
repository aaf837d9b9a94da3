"""The guard around Dagster's webserver: on the real application with a small instance."""
