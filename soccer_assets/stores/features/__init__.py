"""Features and team state: parquet parts a month, checkpoints, and what must be made anew.

Not here: how a feature is computed (``football``).
"""
