"""What the graph keeps, one store a stage: rules of reading and writing, on the systems of ``resources``.

Here: which rows and files a stage reads and writes, in which order, under which lease. Not here: clients of
outside systems (``resources``), arithmetic (``football``, ``modelling``), Dagster (``graph``).
"""
