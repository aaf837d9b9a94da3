"""Assets, one file a stage: the file's name is the group and the first part of each key.

Here: reading, one call, writing, metadata. Not here: rules and arithmetic (``football``, ``modelling``), SQL
and files (``stores``), Markdown and plots (``graph/pages``).
"""
