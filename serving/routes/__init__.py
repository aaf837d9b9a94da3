"""HTTP routes, one file a tag."""
