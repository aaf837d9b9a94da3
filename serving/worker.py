"""Alias: ``python -m serving.worker`` runs ``serving.tasks.worker``; deployments call this name."""

from soccer_assets.garbage import uncollected

with uncollected():
    from serving.tasks.worker import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
