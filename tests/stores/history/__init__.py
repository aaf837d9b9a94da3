"""Tests of the history beside a release."""
