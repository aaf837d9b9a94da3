"""The parts of `benchmarks/snapshot.py`: a checkout seen from outside, imported inside functions."""
