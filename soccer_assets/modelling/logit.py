"""Multinomial logit: linear margins, softmax, maximum likelihood."""

import numpy as np
from numpy.typing import NDArray

OUTCOMES = 3


def log_softmax(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities of margins, row by row; (n, 3) to (n, 3)."""
    shifted = margins - margins.max(axis=1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def logit_margins(design: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margins (n, 3) of a design (n, p) under weights (p + 1, 3), whose first row is the intercept.

    A row gets the same bits alone and among many, which a BLAS product does not promise.
    """
    margins: NDArray[np.float64] = np.einsum("np,pk->nk", design, weights[1:]) + weights[0]
    return margins


def fit_logit(design: NDArray[np.float64], outcomes: NDArray[np.int8], l2: float) -> NDArray[np.float64]:
    """Weights (p + 1, 3) of least mean log loss plus ``l2 / 2`` times the squared slopes.

    Raises:
        ValueError: there are no rows, or the search did not converge.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  scoring must not pay for the import

    rows, columns = design.shape
    if rows == 0:
        raise ValueError("no rows to fit on; the training window is empty")
    truth = np.eye(OUTCOMES)[outcomes]

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(columns + 1, OUTCOMES)
        log_p = log_softmax(logit_margins(design, weights))
        residual = (np.exp(log_p) - truth) / rows
        gradient = np.vstack([residual.sum(axis=0), design.T @ residual + l2 * weights[1:]])
        loss = -(truth * log_p).sum() / rows + l2 / 2.0 * (weights[1:] ** 2).sum()
        return float(loss), gradient.ravel()

    start = np.zeros((columns + 1) * OUTCOMES)
    found = minimize(
        loss_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2_000, "ftol": 1e-12, "gtol": 1e-6},
    )
    if not found.success:
        raise ValueError(f"the logit did not converge on {rows} rows: {found.message}")
    best: NDArray[np.float64] = found.x.reshape(columns + 1, OUTCOMES)
    return best
