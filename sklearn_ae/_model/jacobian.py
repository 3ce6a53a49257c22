"""What the codes are made of: the average derivative of codes by columns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_ae._model.autoencoder import Autoencoder


def average_jacobian(
    module: Autoencoder, x: Tensor, weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average the encoder's Jacobian over rows; PCA's is known without a pass.

    Parameters
    ----------
    module : Autoencoder
        Weights in float64.
    x : Tensor of shape (n_samples, n_features)
        Centred and scaled rows.
    weight : ndarray of shape (n_samples,)
        How often each row counts.

    Returns
    -------
    jacobian : ndarray of shape (n_components, n_features)
    """
    if module.is_pca and module.components is not None:
        return (module.basis.T @ module.components).numpy()
    rows = x.requires_grad_(True)
    codes = module.encode(rows)
    gradients = [
        torch.autograd.grad(code.sum(), rows, retain_graph=True)[0].numpy()
        for code in codes.unbind(dim=1)
    ]
    return np.stack([np.average(part, axis=0, weights=weight) for part in gradients])
