"""Alerts: faults, their detection, subscribers, the outbox, delivery and the watchdog.

A subscriber gets one message when a fault begins and one when it recovers. Not here: the sensor that calls
this (``graph/sensors/alerts.py``) and the commands (``cli/alerts.py``).
"""
