"""The champion's page: who is served, since when, who was before, and what a rollback would change."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from soccer_assets.contract.model_history import Reign
from soccer_assets.graph.pages.values import finite, markdown, timestamp
from soccer_assets.resources.model_registry import RegisteredModel, description_of
from soccer_assets.stores.models.evaluations import Scorecards

_SHOWN = 10


def champion_page(
    champion: RegisteredModel,
    previous: RegisteredModel | None,
    reigns: Sequence[Reign],
    scorecards: Scorecards,
) -> dict[str, Any]:
    """Metadata of the champion's page.

    Args:
        champion: the version that is served.
        previous: the version that a rollback would serve; None before the first promotion.
        reigns: champions of the past, the current one last.
        scorecards: the scores of each version on the test matches of its training.
    """
    losses = {
        name: scorecards.metrics_of(model.version).get("all", {}).get("log_loss")
        for name, model in (("log_loss", champion), ("previous_log_loss", previous))
        if model is not None
    }
    return {
        "champion": _named(champion),
        "champion_since": timestamp(reigns[-1].since if reigns else None, "unknown"),
        "previous_champion": _named(previous) if previous else "none: this is the first champion",
        "a_rollback_would": _rollback(champion, previous),
        "champions": dg.MetadataValue.md(_table(reigns)),
        **finite(losses),
    }


def _named(model: RegisteredModel) -> str:
    return f"version {model.version}: {description_of(model.facts).replace('`', '')}"


def _rollback(champion: RegisteredModel, previous: RegisteredModel | None) -> str:
    if previous is None:
        return "fail: there is no previous champion to serve"
    if int(champion.version) < int(previous.version):
        return (
            f"change nothing: version {champion.version} ({champion.facts.recipe}) was restored by a "
            f"rollback; with to_version {previous.version} the job rollback_champion serves the other again, "
            f"{previous.facts.recipe}"
        )
    return (
        f"serve version {previous.version} ({previous.facts.recipe}) in place of version {champion.version} "
        f"({champion.facts.recipe}), which becomes the previous champion; launch the job rollback_champion"
    )


def _table(reigns: Sequence[Reign]) -> str:
    newest = list(reigns)[: -_SHOWN - 1 : -1]
    return markdown(
        ("version", "recipe", "since (UTC)", "by"),
        (
            (reign.version, reign.recipe, reign.since[:16].replace("T", " "), reign.how.replace("_", " "))
            for reign in newest
        ),
    )
