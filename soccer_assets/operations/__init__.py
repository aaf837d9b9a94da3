"""Operating a home: start and stop its processes, run a job, upgrade its databases, check its health.

Not here: the command line's options and output (``cli``).
"""
