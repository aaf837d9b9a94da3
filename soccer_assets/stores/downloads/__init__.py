"""The files that clients download: tables of what a home has said and found, as CSV and parquet.

Here: their rows, and the writing of files and index. Not here: the columns (``contract/download_files.py``),
and the serving of files (the sidecar).
"""
