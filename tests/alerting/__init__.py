"""Tests of alerts and the watchdog."""
