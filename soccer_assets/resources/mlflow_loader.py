"""Lets ``mlflow.pyfunc.load_model`` open a registered model.

Every stored model names this module, and MLflow calls its `_load_pyfunc`: neither name may change.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import MODEL_FILE
from soccer_assets.modelling.outcome_model import OutcomeModel


class PyfuncModel:
    """A model whose input is a frame with the signature's columns."""

    def __init__(self, model: OutcomeModel) -> None:
        """Wrap a loaded model."""
        self._model = model

    def predict(self, frame: Any) -> NDArray[np.float64]:
        """Probabilities (n, 3) of home, draw and away for a frame of n rows."""
        return self._model.predict_proba(frame[list(self._model.feature_names)].to_numpy(np.float64))


def _load_pyfunc(data_path: str) -> PyfuncModel:
    path = Path(data_path)
    file = path / MODEL_FILE if path.is_dir() else path
    return PyfuncModel(OutcomeModel.from_bytes(file.read_bytes()))
