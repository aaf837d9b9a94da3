"""Routes of the pages: one module a page, each reads the request and renders a template.

Not here: templates, and how numbers and days are written (``serving/pages``).
"""
