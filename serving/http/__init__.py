"""HTTP around the routes: authentication, limits, compression, paging, schemas, documents, shutdown.

Not here: what a route answers (``routes``).
"""
