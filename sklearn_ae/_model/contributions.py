"""What the codes are made of: the average derivative of codes by columns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_ae._model.autoencoder import Autoencoder


def average_jacobian(
    module: Autoencoder, x: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Average the encoder's Jacobian over rows.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64.
    x : ndarray of shape (n_samples, n_features)
        Centred and scaled rows.
    weight : ndarray of shape (n_samples,) or None
        How often each row counts; None counts all alike.

    Returns
    -------
    jacobian : ndarray of shape (n_components, n_features)
    """
    rows = torch.from_numpy(x).requires_grad_(True)
    codes = module.encode(rows)
    gradients = [
        torch.autograd.grad(code.sum(), rows, retain_graph=True)[0].numpy()
        for code in codes.unbind(dim=1)
    ]
    return np.stack([np.average(part, axis=0, weights=weight) for part in gradients])
