"""The base class of exceptions of the football rules."""


class FootballError(ValueError):
    """Names, matches or states that the rules cannot use."""
