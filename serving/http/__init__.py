"""HTTP concerns shared by all routes: authentication, rate limits, compression, paging, schemas, OpenAPI.

Not here: the handlers (``routes``).
"""
