"""Tests of the clients of outside systems, on real databases, stores and servers."""
