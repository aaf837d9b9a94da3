"""Assets, one file a stage: file name = group = first part of the key.

An asset reads, calls one function, writes, and returns metadata.
"""
