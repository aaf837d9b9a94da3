"""``python -m serving.server`` runs the sidecar (``server_process.py``); deployments call this name.

The scoring child imports the main module of the process that starts it, so nothing heavy stands here.
"""

if __name__ == "__main__":
    from serving.server_process import main

    main()
