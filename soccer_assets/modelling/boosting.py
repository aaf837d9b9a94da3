"""XGBoost, imported when there are trees, and without scikit-learn."""

import sys
from typing import Any


def xgboost() -> Any:
    """The module `xgboost`.

    Where scikit-learn is installed, xgboost imports it, and scipy.stats with it, for estimators that are not
    used here: 1 to 2 s of CPU time in each run and each scoring process, of 2 to 3 for all of xgboost. None
    in ``sys.modules`` makes it look uninstalled meanwhile.
    """
    is_hidden = "xgboost" not in sys.modules and "sklearn" not in sys.modules
    if is_hidden:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost as xgb  # noqa: PLC0415  not needed for the textbook model
    finally:
        if is_hidden:
            del sys.modules["sklearn"]
    return xgb
