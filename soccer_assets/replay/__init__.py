"""Replay: the whole loop walked through past days, in one process, in a home of its own."""
