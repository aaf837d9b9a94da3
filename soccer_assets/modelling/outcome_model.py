"""The published model: features in, probabilities of home, draw and away out.

A model is a value: a multinomial logit, the mean of a few boosters whose trees start from its margins, a
share of the baseline's margins, and one temperature. The recipe ``elo_textbook`` has the logit only. Scoring
needs numpy, and xgboost where there are trees.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.boosting import xgboost
from soccer_assets.modelling.logit import OUTCOMES, log_softmax, logit_margins

ELO_TEXTBOOK = "elo_textbook"
XGBOOST_ON_LOGIT = "xgboost_on_logit"
RECIPES = (ELO_TEXTBOOK, XGBOOST_ON_LOGIT)

ELO_FEATURE = "elo_textbook_gap"
# National teams have slopes of their own, as differences from those of all matches (2017/18-2023/24, 3,933
# matches: log loss against textbook Elo -.037 with them, -.034 without; clubs gain .0002).
NATIONAL_FEATURE = "is_international"

# Two threads give the same trees, but take 15 times as long where another process keeps the second core busy
# (200,000 rows: 104 s against 7 s).
THREADS = 1
_FORMAT = "soccer-assets outcome model 2"
# The older format, with at most one booster, is still read.
_ONE_BOOSTER = "soccer-assets outcome model 1"


class _ModelFile(msgspec.Struct, frozen=True, array_like=True):
    format: str
    recipe: str
    feature_names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[float, float, float], ...]
    trees: tuple[bytes, ...] | bytes
    temperature: float
    anchor: tuple[tuple[float, float, float], ...] = ()
    anchor_share: float = 0.0


@dataclass(frozen=True, eq=False)
class OutcomeModel:
    """A fitted model.

    Attributes:
        recipe: one of `RECIPES`.
        feature_names: the columns `predict_proba` expects, in order.
        center: (p,) subtracted from the design's columns.
        scale: (p,) by which they are then divided.
        weights: (p + 1, 3) of the logit, intercept first.
        trees: XGBoost's own bytes (UBJSON), one a seed; margins are averaged. () where the recipe has none.
        temperature: margins are divided by it; above 1 flattens the forecasts.
        anchor: (3, 3) of the textbook's logit on [1, d, d^2], None where the recipe has none.
        anchor_share: weight of the textbook's margins; the others' is 1 minus it.
    """

    recipe: str
    feature_names: tuple[str, ...]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    trees: tuple[bytes, ...] = ()
    temperature: float = 1.0
    anchor: NDArray[np.float64] | None = None
    anchor_share: float = 0.0

    def predict_proba(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, 3) of home, draw and away, each row adding up to 1, for features (n, k).

        Raises:
            ValueError: the columns are not those of `feature_names`, or a value is not finite.
        """
        probabilities: NDArray[np.float64] = np.exp(log_softmax(self.margins(values) / self.temperature))
        return probabilities

    def margins(self, values: NDArray[np.float64], rounds: int | None = None) -> NDArray[np.float64]:
        """Margins (n, 3) before the temperature, of all trees or of the first ``rounds`` rounds.

        Raises:
            ValueError: the columns are not those of `feature_names`, or a value is not finite.
        """
        if values.ndim != 2 or values.shape[1] != len(self.feature_names):  # noqa: PLR2004  rows and columns
            raise ValueError(f"expected {len(self.feature_names)} features a row, not shape {values.shape}")
        if not np.isfinite(values).all():
            column = int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])
            raise ValueError(f"feature {self.feature_names[column]!r} is not a finite number")
        margins = self._tree_margins(values, self.logit_log_probabilities(values), rounds)
        if self.anchor is None:
            return margins
        return (1.0 - self.anchor_share) * margins + self.anchor_share * self.anchor_margins(values)

    def anchor_margins(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Margins (n, 3) of the textbook's own logit.

        Raises:
            ValueError: the recipe has none.
        """
        if self.anchor is None:
            raise ValueError("the model has no anchor")
        design = design_of(ELO_TEXTBOOK, self.feature_names, values, has_national=False)
        return log_softmax(logit_margins(design, self.anchor))

    def logit_log_probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-probabilities (n, 3) of the logit alone: the margin on which the trees build."""
        return log_softmax(logit_margins(self.standardised(values), self.weights))

    def standardised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The logit's columns (n, p), centred and scaled."""
        has_national = self.recipe != ELO_TEXTBOOK and len(self.center) > len(self.feature_names)
        design = design_of(self.recipe, self.feature_names, values, has_national=has_national)
        return (design - self.center) / self.scale

    @property
    def design_columns(self) -> tuple[int, ...]:
        """The feature behind each of the design's p columns."""
        if self.recipe == ELO_TEXTBOOK:
            return (self.feature_names.index(ELO_FEATURE),) * 2
        features = len(self.feature_names)
        return tuple(column % features for column in range(len(self.center)))

    def _tree_margins(
        self, values: NDArray[np.float64], base: NDArray[np.float64], rounds: int | None
    ) -> NDArray[np.float64]:
        """The base margins (n, 3) moved by the boosters' mean."""
        if not self.boosters or rounds == 0:  # XGBoost would take 0 for all
            return base
        start = base.astype(np.float32)
        total = np.zeros_like(base)
        for booster, own in zip(self.boosters, self.rounds, strict=True):
            end = own if rounds is None else min(rounds, own)
            total += booster.inplace_predict(
                values, predict_type="margin", base_margin=start, iteration_range=(0, end)
            ).reshape(-1, OUTCOMES)
        return total / len(self.boosters)

    @cached_property
    def boosters(self) -> tuple[Any, ...]:
        """XGBoost's boosters, none where the recipe has no trees."""
        if not self.trees:
            return ()
        xgb = xgboost()
        boosters = tuple(xgb.Booster({"nthread": THREADS}) for _ in self.trees)
        for booster, trees in zip(boosters, self.trees, strict=True):
            booster.load_model(bytearray(trees))
        return boosters

    @cached_property
    def rounds(self) -> tuple[int, ...]:
        """How many rounds of trees each booster has."""
        return tuple(booster.num_boosted_rounds() for booster in self.boosters)

    def to_bytes(self) -> bytes:
        """The model as bytes: equal fits give equal bytes."""
        return msgspec.msgpack.encode(
            _ModelFile(
                _FORMAT,
                self.recipe,
                self.feature_names,
                tuple(self.center.tolist()),
                tuple(self.scale.tolist()),
                tuple(map(tuple, self.weights.tolist())),
                self.trees,
                self.temperature,
                () if self.anchor is None else tuple(map(tuple, self.anchor.tolist())),
                self.anchor_share,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, trees included.

        Raises:
            ValueError: the bytes are no model, are damaged, or were written by another version.
        """
        try:
            file = msgspec.msgpack.decode(data, type=_ModelFile)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not an outcome model: {error}; take the file of a release") from error
        trees = file.trees
        if isinstance(trees, bytes) and file.format == _ONE_BOOSTER:
            trees = (trees,) if trees else ()
        elif isinstance(trees, bytes) or file.format != _FORMAT:
            raise ValueError(f"{file.format!r} is of another version; retrain")
        if file.recipe not in RECIPES:
            raise ValueError(f"{file.format!r} with recipe {file.recipe!r} is of another version; retrain")
        model = cls(
            file.recipe,
            file.feature_names,
            np.array(file.center),
            np.array(file.scale),
            np.array(file.weights).reshape(-1, OUTCOMES),
            trees,
            file.temperature,
            np.array(file.anchor).reshape(-1, OUTCOMES) if file.anchor else None,
            file.anchor_share,
        )
        model.predict_proba(np.zeros((1, len(model.feature_names))))
        # Its identity, also where another version's file has the same model in other bytes.
        model.__dict__["sha256"] = hashlib.sha256(data).hexdigest()
        return model

    @cached_property
    def sha256(self) -> str:
        """SHA-256 in hex of the bytes it was read from; of `to_bytes` where it was fitted here."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def design_of(
    recipe: str,
    feature_names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    has_national: bool,
) -> NDArray[np.float64]:
    """The logit's columns (n, p).

    All features, where ``has_national`` followed by the same for matches of national teams and 0 for others;
    or [d, d^2] of the textbook Elo gap d in units of 400.

    Raises:
        ValueError: the recipe misses its feature.
    """
    if recipe == ELO_TEXTBOOK:
        gap = values[:, feature_names.index(ELO_FEATURE)] / 400.0
        return np.column_stack([gap, gap * gap])
    if not has_national:
        return values
    is_national = values[:, feature_names.index(NATIONAL_FEATURE), None]
    return np.hstack([values, values * is_national])
