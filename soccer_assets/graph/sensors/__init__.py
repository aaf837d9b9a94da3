"""Sensors, one file each: read facts, call one pure function, request a run or skip with a reason.

Not here: the rules (``modelling``, ``alerting``), and the automation sensor
(``graph/automation_conditions.py``).
"""
