"""Tests of the inputs of the reports."""
