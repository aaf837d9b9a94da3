"""Scoring rows now: the request's schema, the child process, and the engine within it."""
