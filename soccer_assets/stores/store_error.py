"""The base class of exceptions of the stores."""


class StoreError(Exception):
    """A stage's stored data is missing, or a request contradicts it."""
