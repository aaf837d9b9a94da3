"""Tests of HTTP around the routes."""
