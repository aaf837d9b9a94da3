"""Tests of the providers, each against files in its format."""
