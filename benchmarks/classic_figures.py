"""What the cases of the classics are made of: builders, figures and pictures."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from benchmarks.datasets import Images
from benchmarks.measuring import timed_fit
from benchmarks.records import Row
from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay

NOISE = 0.5  # standard deviation, of pixels between 0 and 1
N_DRAWN = 8

TEXTBOOK: dict[str, Any] = {
    "activation": "relu",
    "output_activation": "logistic",
    "learning_rate_init": 1e-3,
    "alpha": 1e-5,
    "batch_size": 64,
}

# Gets images, a number of epochs and the stem of file names.
Case = Callable[[Images, int, Path], Iterator[Row]]

build = partial(AutoencoderTransformer, random_state=0)
build_pca = partial(PCA, random_state=0)


def reconstruct(model: Any, X: np.ndarray) -> np.ndarray:
    """Encode and decode."""
    return np.asarray(model.inverse_transform(model.transform(X)))


def mse(X: np.ndarray, reconstruction: np.ndarray) -> float:
    """Mean squared error of a cell."""
    return float(np.mean((X - reconstruction) ** 2, dtype=np.float64))


def fvu(X: np.ndarray, reconstruction: np.ndarray, mean: np.ndarray) -> float:
    """Fraction of the variance about the training rows' mean that is lost."""
    return mse(X, reconstruction) / mse(X, np.broadcast_to(mean, X.shape))


def psnr(X: np.ndarray, found: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, for values between 0 and 1."""
    return float(-10 * np.log10(mse(X, found)))


def cross_entropy(X: np.ndarray, found: np.ndarray) -> float:
    """Divergence of shares per row, in nats, above that of a perfect reconstruction."""
    p = np.clip(found.astype(np.float64), 1e-7, 1 - 1e-7)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [
            np.where(share > 0, share * np.log(share / guess), 0.0)
            for share, guess in ((X, p), (1 - X, 1 - p))
        ]
    return float(sum(part.sum() for part in parts) / len(X))


def log_loss(X: np.ndarray, found: np.ndarray) -> float:
    """Mean cross-entropy of a cell in nats, as training loops print it."""
    p = np.clip(found.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(X * np.log(p) + (1 - X) * np.log1p(-p)))


def image_row(name: str, model: Any, images: Images) -> Row:
    """Fit to images and measure the reconstruction of held-out ones."""
    figures = timed_fit(model, images.train)
    found = reconstruct(model, images.test)
    return {
        "table": images.name,
        "method": name,
        "mse": mse(images.test, found),
        "fvu": fvu(images.test, found, images.train.mean(axis=0)),
        "cross_entropy": cross_entropy(images.test, found),
        **figures,
    }


def noisy(X: np.ndarray, seed: int = 0) -> np.ndarray:
    """Add Gaussian noise and cut off at 0 and 1."""
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=X.shape)
    return np.clip(X + noise, 0, 1).astype(X.dtype)


def save_figure(path: str) -> None:
    """Write the current figure and close it."""
    plt.gcf().savefig(path, dpi=100, bbox_inches="tight")
    plt.close("all")


def draw_images(
    model: Any, images: Images, path: str, given: np.ndarray | None = None
) -> None:
    """Draw held-out images, what is given of them, and what comes back."""
    ReconstructionDisplay.from_estimator(
        model,
        images.test[:N_DRAWN],
        X_input=given,
        image_shape=(images.side, images.side),
        n_images=N_DRAWN,
    )
    save_figure(path)
