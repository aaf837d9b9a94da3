"""The output of `soccer up` when it is ready: pages, this machine's key, commands, a first prediction."""

import hashlib
import os
import shlex
from typing import Any

import httpx
from rich.console import Console

from soccer_assets.home import Home
from soccer_assets.loopback import certificates
from soccer_assets.operations.processes import HOST, StartError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.releases.key_store import create_key, is_accepted


def local_key(settings: Settings) -> str:
    """The token of this machine's read key, created at the first start; only its owner may read the file."""
    store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
    file = settings.home / "dev.key"
    if file.is_file():
        kept = file.read_text(errors="replace").strip()  # a damaged one is no accepted key
        if is_accepted(store, kept):
            return kept
    token = create_key(store, ["read"], settings.clock.now(), note="this machine, made by soccer up")
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(token + "\n")
    return token


def local_key_id(settings: Settings) -> str:
    """The id of this machine's read key."""
    return hashlib.sha256(local_key(settings).encode()).hexdigest()[:8]


def first_prediction(base: str, key: str) -> Any:
    """The prediction of the next match over HTTP; of a played one where none is upcoming."""
    # A proxy of the environment does not know this machine's loopback address.
    with httpx.Client(
        base_url=base,
        headers={"X-API-Key": key},
        timeout=10,
        trust_env=False,
        verify=certificates(base),
    ) as client:
        for path in ("/predict/matches/", "/predict/predictions/"):
            answer = client.get(path, params={"limit": 1}).raise_for_status()
            if items := answer.json()["items"]:
                return items[0]
    raise StartError("the release holds no prediction: the feed has no fixtures in the next 15 days")


def print_addresses(settings: Settings, home: Home, console: Console, *, with_mlflow: bool) -> None:
    """Print the pages with their whole addresses, and three commands to try."""
    dagster = f"http://{HOST}:{settings.dagster_port}"
    serving = f"http://{HOST}:{settings.serving_port}"
    pages = {
        "the asset graph": f"{dagster}/asset-groups",
        "runs and failures": f"{dagster}/runs",
        "partitions; load older months": f"{dagster}/assets/livescores/history",
        "the model and its scores": f"{dagster}/assets/model/evaluation",
        "forecasts, to read": f"{serving}/",
        "the HTTP API": f"{serving}/schema",
        "the sidecar's readiness": f"{serving}/ready",
    }
    if with_mlflow:
        # Without the parameter MLflow opens its pages for prompts and traces of language models.
        runs = f"http://{HOST}:{settings.mlflow_port}/#/experiments/1/runs?workflowType=machine_learning"
        pages["training runs in MLflow"] = runs
    console.print()
    width = max(map(len, pages)) + 2
    for name, address in pages.items():
        # Not a table: a narrow terminal would cut the end off an address.
        console.print(f"{name:<{width}}{address}", soft_wrap=True, highlight=False)
    if home.is_simulated:
        console.print(
            "\n[bold]simulated clubs[/bold]: these teams do not exist; set SOCCER_FEED to a real feed"
        )
    if settings.pages == "keyed":
        console.print("\nforecasts to read ask for a key, or for the code of: soccer pages open")
    key = settings.home / "dev.key"
    quoted = shlex.quote(str(key))
    console.print(f"\nread key: {key}\n\nthree things to try:")
    console.print(
        f'  curl -s -H "X-API-Key: $(cat {quoted})" "{serving}/predict/matches/?limit=3"', soft_wrap=True
    )
    console.print(f'  curl -s -H "X-API-Key: $(cat {quoted})" {serving}/predict/model/info', soft_wrap=True)
    console.print(
        f"  open {dagster}/assets/livescores/history and materialize older months\n", soft_wrap=True
    )
