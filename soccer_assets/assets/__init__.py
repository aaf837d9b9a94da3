"""The asset graph, one file a stage: file name = group = first part of the key."""
