"""The base class of exceptions of running a home."""


class OperationError(Exception):
    """A home cannot be run as asked; the message says what to do."""
