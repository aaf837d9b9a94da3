"""What is read for the daily reports: settled matches, and how late results arrive.

Not here: the reports' arithmetic (``modelling``).
"""
