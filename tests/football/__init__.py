"""Tests of the game: matches, ratings, form and features."""
