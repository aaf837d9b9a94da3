"""Season projections: a season's rows as the simulation takes them, and the parts in the object store.

Not here: how a season is simulated (``football/projections``), and the asset.
"""
