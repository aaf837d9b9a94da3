"""The ledger: what was predicted before kickoff, how it was scored, and the proof that nobody rewrote it.

Not here: the rules of what is official or void (``modelling/ledger_rules.py``).
"""
