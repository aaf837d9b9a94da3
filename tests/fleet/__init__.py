"""Trials of a fleet: hosts are network namespaces of this machine, and every server is real."""
