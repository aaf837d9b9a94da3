"""The base class of the sidecar's exceptions.

Not here: the exceptions themselves (beside the code that raises them), nor how they look to a client
(``problems``).
"""


class ServingError(Exception):
    """Base of every exception that the sidecar or its client raises."""
