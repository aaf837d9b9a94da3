"""Pages for people: templates, the style sheet, charts, and how numbers and days are read.

No page needs JavaScript, and none loads anything from elsewhere. Not here: what a request asks
(``serving/routes/pages``).
"""
