"""Feeds: the protocol of a provider, and what all providers share.

Here: HTTP and file client, rate limiter, validation, visibility. Not here: one provider's format
(``feeds/providers``) and storing rows (``stores/matches``).
"""
