"""Alerts: what is wrong, who is told of it once, and once more when it is over."""
