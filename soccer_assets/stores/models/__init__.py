"""Around the registry: training data, evaluations, champion changes, facts for retraining and rollback.

Not here: the registry's client (``resources/model_registry.py``) and the models (``modelling``).
"""
