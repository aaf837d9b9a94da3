"""The openfootball JSON files: which files a window needs, and what a row of theirs means."""
