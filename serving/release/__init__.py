"""The release as the sidecar holds it: fetched, verified, indexed, swapped as one reference.

Not here: writing one (``soccer_assets/stores/releases``).
"""
