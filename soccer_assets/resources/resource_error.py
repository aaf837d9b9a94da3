"""The base class of exceptions of the clients of outside systems."""


class ResourceError(Exception):
    """A request that a database, object store or registry cannot fulfil."""
