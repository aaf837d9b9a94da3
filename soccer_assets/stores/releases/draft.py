"""Drafts a release: everything that the publisher writes, read from the stores.

Not here: writing it (``publish.py``), and how a prediction is put together (``contract/prediction.py``).
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.contract.prediction import Meeting, Provenance, forecast_of_row, render
from soccer_assets.contract.release import (
    CHAMPION,
    MODEL_NAME,
    GoldenRow,
    ModelCard,
    Prediction,
    Result,
    Team,
)
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.terms import terms_of
from soccer_assets.football.matches import outcome_of
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.models.first_half import read_first_half_shares
from soccer_assets.stores.releases.current_models import read_current_models
from soccer_assets.stores.releases.current_status import data_as_of
from soccer_assets.stores.releases.directory import read_directory
from soccer_assets.stores.releases.publish import Draft, ReleaseRow
from soccer_assets.stores.store_error import StoreError

GOLDEN_ROWS = 16


class StalePredictionsError(StoreError):
    """The predictions are of a model that is no longer the champion."""


class ReleaseContent(msgspec.Struct, frozen=True, kw_only=True):
    """A draft and the two files that go beside its predictions.

    Attributes:
        draft: predictions, names, models and golden rows.
        champion: the model that the release serves.
        model: its file.
        team_state: the teams' ratings and form.
    """

    draft: Draft
    champion: RegisteredModel
    model: bytes
    team_state: bytes


class ReleaseDrafts:
    """Reads what a release is made of."""

    def __init__(
        self,
        database: Database,
        exports: Exports,
        feature_store: FeatureStore,
        registry: ModelRegistry,
        scorecards: Scorecards,
        store: ObjectStore,
        feed: Feed,
    ) -> None:
        """Bind to the stores; ``store`` holds the current release."""
        self._database = database
        self._exports = exports
        self._features = feature_store
        self._registry = registry
        self._scorecards = scorecards
        self._store = store
        self._feed = feed

    def draft(self, predictions: pd.DataFrame, now: dt.datetime) -> ReleaseContent:
        """The content of a release of these predictions.

        Args:
            predictions: rows of `predictions/upcoming`, of every model.
            now: kickoffs after it are upcoming.

        Raises:
            StalePredictionsError: another model became champion after the predictions were made.
            MissingModelError: there is no champion.
            RegistryUnavailableError: MLflow does not answer, and there is no release yet.
        """
        current = read_current_models(self._registry, self._store, aliases=(CHAMPION,))
        champion, model = current.registered[CHAMPION], current.models[CHAMPION]
        _require_champion(predictions[predictions["kickoff"] > now], champion, current.note)
        newest = data_as_of(self._database)
        draft = Draft(
            feed=self._feed.name,
            is_simulated=self._feed.is_simulated,
            data_as_of=isoformat(newest) if newest else None,
            snapshot_id=self._exports.manifest().snapshot_id,
            models={
                alias: _card(alias, version, self._scorecards)
                for alias, version in current.registered.items()
            },
            feature_names=model.feature_names,
            golden_rows=golden_rows(model, _newest_features(model, self._features)),
            ledger_head=ledger_head(self._database),
            rows=tuple(_row(row, self._feed, now) for row in predictions.to_dict("records")),
            directory=read_directory(self._database, read_first_half_shares(self._store)),
            terms=terms_of(self._feed),
        )
        return ReleaseContent(
            draft=draft,
            champion=champion,
            model=model.to_bytes(),
            team_state=self._features.read_team_state(self._features.manifest()),
        )


def _require_champion(upcoming: pd.DataFrame, champion: RegisteredModel, note: str) -> None:
    versions = set(upcoming.loc[upcoming["model"] == CHAMPION, "model_version"])
    if versions - {champion.version} and note:
        raise StalePredictionsError(
            f"the predictions are of another champion ({note}); the next run predicts"
        )
    if versions - {champion.version}:
        raise StalePredictionsError(
            f"the champion became version {champion.version} after these predictions were made; the run that "
            "promoted it publishes its own, or materialise predictions/upcoming again"
        )


def _newest_features(model: OutcomeModel, feature_store: FeatureStore) -> NDArray[np.float64]:
    features = feature_store.read_newest(feature_store.manifest(), GOLDEN_ROWS)
    return np.column_stack([features[name].to_numpy() for name in model.feature_names])


def golden_rows(model: OutcomeModel, values: NDArray[np.float64]) -> tuple[GoldenRow, ...]:
    """Rows of features, and what the model gives for them: a reload scores them again."""
    return tuple(
        GoldenRow(tuple(map(float, row)), tuple(map(float, forecast)))  # type: ignore[arg-type]  # three of them
        for row, forecast in zip(values, model.predict_proba(values), strict=True)
    )


def _card(alias: str, registered: RegisteredModel, scorecards: Scorecards) -> ModelCard:
    return ModelCard(
        name=MODEL_NAME,
        version=registered.version,
        run_id=registered.run_id,
        alias=alias,
        recipe=registered.facts.recipe,
        content_sha256=registered.facts.content_sha256,
        trained_at=registered.facts.trained_at,
        train_end=registered.facts.train_end,
        trained_rows=registered.facts.trained_rows,
        information=registered.facts.information,
        scorecard=scorecards.metrics_of(registered.version),
    )


def _text(value: object) -> str:
    """A text column's value; empty where a table of an earlier version has none."""
    return value if isinstance(value, str) else ""


def _row(row: Mapping[Any, Any], feed: Feed, now: Any) -> ReleaseRow:
    has_result = row["status"] == "finished" and not np.isnan(row["home_goals"])
    result = None
    if has_result:
        home_goals, away_goals = int(row["home_goals"]), int(row["away_goals"])
        result = Result(
            home_goals=home_goals, away_goals=away_goals, outcome=outcome_of(home_goals, away_goals).value
        )
    meeting = Meeting(
        competition=row["competition"],
        season=row["season"],
        home_team=Team(row["home_team_id"], row["home_team"]),
        away_team=Team(row["away_team_id"], row["away_team"]),
        kickoff=isoformat(row["kickoff"].to_pydatetime()),
        kickoff_precision=row["kickoff_precision"],
        neutral=bool(row["neutral"]),
        away_is_host=bool(row["away_is_host"]),
    )
    provenance = Provenance(
        model=row["model"],
        model_version=row["model_version"],
        model_run_id=row["model_run_id"],
        release_id="",
        feed=feed.name,
    )
    prediction = render(
        Prediction,
        meeting,
        forecast_of_row(row),
        provenance,
        match_id=row["match_id"],
        round=row["round"],
        status=row["status"],
        predicted_at=row["predicted_at"],
        information=_text(row.get("information")),
        result=result,
    )
    return ReleaseRow(
        prediction=prediction,
        source_match_id=row["source_match_id"],
        is_upcoming=row["kickoff"].to_pydatetime() > now,
    )
