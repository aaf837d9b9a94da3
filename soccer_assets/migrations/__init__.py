"""Schema migrations of the match tables."""
