"""One provider of matches each: a file, or a folder where reading and parsing are long.

Here: what is special to a provider's format and limits. Not here: the protocol, HTTP, validation and the rate
limiter, which all providers share (``feeds``).
"""
