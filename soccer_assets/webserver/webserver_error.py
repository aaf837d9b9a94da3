"""The base of this package's exceptions."""


class WebserverError(Exception):
    """Dagster's pages cannot be served, or a request is refused; the message says why."""
