"""The base class of exceptions of the stores."""


class StoreError(Exception):
    """What a stage keeps is missing, or does not allow what was asked."""
