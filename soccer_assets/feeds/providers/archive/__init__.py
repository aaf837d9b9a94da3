"""The archive feed: one Parquet or CSV file of matches in the documented schema, at any fsspec address.

Here: reading the file (``archive_table``, ``archive_csv``), competition and day of each row
(``archive_rows``), the feed.
"""
