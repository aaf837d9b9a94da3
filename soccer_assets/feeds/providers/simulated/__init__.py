"""The simulated feed: fictitious leagues with known true strengths, as seen at the clock's now.

Here: the world (clubs and strengths), its seasons (fixtures and results) and the feed that shows of them what
is known. All three are pure functions of seed, window and now. Not here: anything that reads a file or the
network.
"""
