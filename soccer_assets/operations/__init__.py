"""Running a home: start and stop its processes, run one job, upgrade its databases, examine its health.

Not here: the command line's options and output (``cli``).
"""
