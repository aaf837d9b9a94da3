"""Features and team state: monthly parquet parts, checkpoints, and which months are recomputed.

Not here: how a feature is computed (``football``).
"""
