"""The graph's stored state, one store per stage, on the clients of ``resources``.

Here: which rows and files a stage reads and writes, in which order, under which lease. Not here: clients of
outside systems (``resources``), arithmetic (``football``, ``modelling``), Dagster (``graph``).
"""
