"""Tests of the assets, materialised with a feed that tells what it is given."""
