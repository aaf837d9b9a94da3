"""Sensors, one file each: read facts, ask one pure function, start a run or say why not.

Not here: the rules (``modelling``, ``alerting``).
"""
