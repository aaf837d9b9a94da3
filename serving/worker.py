"""The task worker under its first name: ``python -m serving.worker`` starts ``serving.tasks.worker``."""

from serving.tasks.worker import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
