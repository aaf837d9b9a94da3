"""How the sidecar is started: the server's command, and what several workers share."""

import os
import shutil
import sys

from soccer_assets.settings import Settings

# Without them 1,024 clients that hold a connection and ask nothing keep all others out. A client has ten
# seconds for the head of a request.
_CONNECTIONS = ("--backlog", "4096", "--backpressure", "65536", "--http1-header-read-timeout", "10000")

# A worker answers what is in flight, for as long as this: then it is ended.
_STOP = ("--workers-kill-timeout", "20")


def sidecar_command(settings: Settings, host: str) -> list[str]:
    """The command that serves on the settings' port with their workers."""
    granian = ["-m", "granian", "--interface", "asgi", "--factory", "serving.app:create_app", "--host", host]
    workers = ["--port", str(settings.serving_port), "--workers", str(settings.serving_workers)]
    return [sys.executable, *granian, *workers, "--no-ws", *_CONNECTIONS, *_STOP]


def shared_metrics(settings: Settings) -> dict[str, str]:
    """Where several workers add up their metrics: a folder, empty at the start; none for one worker."""
    if settings.serving_workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return {}
    folder = settings.home / "cache" / f"metrics-{settings.serving_port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
