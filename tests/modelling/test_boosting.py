"""XGBoost without what this project does not use of it."""

import subprocess
import sys

import pytest

_SCORED = """
import sys
{first}
from soccer_assets.modelling.boosting import xgboost

xgb = xgboost()
assert xgb is xgboost()
assert ("sklearn" in sys.modules, "scipy.stats" in sys.modules) == ({has_sklearn}, {has_sklearn})
import sklearn.base

matrix = xgb.DMatrix([[0.0], [1.0]], [0, 1])
assert xgb.train({{"nthread": 1}}, matrix, 1).predict(matrix).shape == (2,)
"""


@pytest.mark.parametrize("has_sklearn", [False, True], ids=["alone", "scikit-learn is there"])
def test_scikit_learn_is_left_out_and_can_be_imported_later(has_sklearn):
    """A process pays for scikit-learn only where something else imports it, before or afterwards."""
    first = "import sklearn.base" if has_sklearn else ""
    program = _SCORED.format(first=first, has_sklearn=has_sklearn)
    subprocess.run([sys.executable, "-c", program], check=True)
