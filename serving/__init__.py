"""The sidecar: answers predictions over HTTP from what the graph released.

It shares with the graph the contract, the pure core and the match table, and nothing else.
"""
