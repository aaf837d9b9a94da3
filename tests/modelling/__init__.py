"""Tests of the models: fitting, scores, gates."""
