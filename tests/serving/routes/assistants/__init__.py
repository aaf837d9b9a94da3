"""Tests of serving.routes.assistants."""
