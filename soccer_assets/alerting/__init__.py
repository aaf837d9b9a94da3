"""Alerts: what is wrong, who is told once, and told again when it has recovered.

Here: faults, their detection, the outbox and delivery. Not here: the sensor that calls this
(``graph/sensors``).
"""
