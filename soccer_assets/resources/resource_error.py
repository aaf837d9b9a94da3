"""The base class of exceptions of the clients of outside systems."""


class ResourceError(Exception):
    """A database, object store or registry does not hold what was asked of it."""
