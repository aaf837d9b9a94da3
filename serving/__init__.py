"""The sidecar: answers predictions over HTTP from what the graph released."""
