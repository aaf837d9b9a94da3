"""How a season ends: the rules of a league's table, its standings, and simulated rests of seasons.

Pure functions. Not here: which matches a home holds, and what is published of a projection.
"""
