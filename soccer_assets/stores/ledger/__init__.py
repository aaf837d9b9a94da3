"""The ledger: predictions before kickoff, their scores, shadows, the parquet copy and the audit.

Not here: the rules for which prediction is official and which match is void (``modelling/ledger_rules.py``).
"""
