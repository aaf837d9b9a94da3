"""Trials of a fleet and of replicas: hosts are namespaces or ports of this machine, servers are real."""
