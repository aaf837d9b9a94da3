"""``python -m serving.worker`` runs a task worker (``tasks/worker.py``); deployments call this name.

Nothing heavy stands here, as in ``server.py``.
"""

if __name__ == "__main__":
    from soccer_assets.garbage import uncollected

    with uncollected():
        from serving.tasks.worker import main

    main()
