"""The base class of exceptions of running a home."""


class OperationError(Exception):
    """A home cannot be operated as requested; the message says what to do."""
