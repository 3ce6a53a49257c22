"""The cases: what is fitted, on which rows, and what is measured on held-out ones."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from benchmarks.datasets import curved_redundancy
from benchmarks.images import Images
from sklearn_ae import AutoencoderTransformer

Row = dict[str, Any]

NOISE = 0.5  # standard deviation, of pixels between 0 and 1
PCA_SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 96)
PENALTIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
TAILS = 1.5  # degrees of freedom of Student's t
OUTLIER = 1e6  # times the values of a row

TEXTBOOK: dict[str, Any] = {
    "activation": "relu",
    "output_activation": "logistic",
    "learning_rate_init": 1e-3,
    "alpha": 1e-5,
    "batch_size": 64,
    "random_state": 0,
}


@dataclass
class Fitted:
    """Models of a case that the figures show, by name."""

    models: dict[str, Any] = field(default_factory=dict)


def timed_fit(model: Any, X: np.ndarray) -> float:
    """Fit and return the seconds."""
    start = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - start


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


def image_row(name: str, model: Any, images: Images) -> Row:
    """Fit to images and measure the reconstruction of held-out ones."""
    seconds = timed_fit(model, images.train)
    found = reconstruct(model, images.test)
    return {
        "data": images.name,
        "method": name,
        "mse": mse(images.test, found),
        "fvu": fvu(images.test, found, images.train.mean(axis=0)),
        "cross_entropy": cross_entropy(images.test, found),
        "fit_seconds": seconds,
    }


def sigmoid_output(images: Images, epochs: int, fitted: Fitted) -> Iterator[Row]:
    """784-128-64-12-3, as in the textbook, and from PCA."""
    network = {**TEXTBOOK, "hidden_layer_sizes": (128, 64, 12), "max_iter": epochs}
    defaults: Row = {"output_activation": "logistic", "random_state": 0}
    methods = {
        "PCA(3)": PCA(3, random_state=0),
        "textbook, init='random'": AutoencoderTransformer(3, init="random", **network),
        "textbook, init='pca'": AutoencoderTransformer(3, **network),
        "defaults, logistic output": AutoencoderTransformer(3, **defaults),
        "defaults": AutoencoderTransformer(3, random_state=0),
    }
    for name, model in methods.items():
        fitted.models[name] = model
        yield image_row(name, model, images)


def noisy(X: np.ndarray, seed: int = 0) -> np.ndarray:
    """Add Gaussian noise and cut off at 0 and 1."""
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=X.shape)
    return np.clip(X + noise, 0, 1).astype(X.dtype)


def denoising(images: Images, epochs: int, fitted: Fitted) -> Iterator[Row]:
    """784-128-64-32 with ReLU on the code, trained to undo noise."""
    given = noisy(images.test)
    network = {**TEXTBOOK, "hidden_layer_sizes": (128, 64), "max_iter": epochs}
    relu: Row = {"init": "random", "code_activation": "relu"}
    best = max(PCA_SIZES, key=lambda k: _psnr_of_pca(k, images, given))
    methods = {
        "PCA(32)": PCA(32, random_state=0),
        f"PCA({best}), the best": PCA(best, random_state=0),
        "textbook without noise": AutoencoderTransformer(32, **relu, **network),
        "textbook, noise=0.5": AutoencoderTransformer(
            32, noise=NOISE, **relu, **network
        ),
        "init='pca', noise=0.5": AutoencoderTransformer(32, noise=NOISE, **network),
    }
    yield {
        "data": images.name,
        "method": "noisy input",
        "psnr": psnr(images.test, given),
    }
    for name, model in methods.items():
        fitted.models[name] = model
        seconds = timed_fit(model, images.train)
        yield {
            "data": images.name,
            "method": name,
            "psnr": psnr(images.test, reconstruct(model, given)),
            "fit_seconds": seconds,
        }


def _psnr_of_pca(n_components: int, images: Images, given: np.ndarray) -> float:
    """Measure how well PCA of the clean training rows removes noise."""
    pca = PCA(n_components, random_state=0).fit(images.train)
    return psnr(images.test, reconstruct(pca, given))


def sparse_codes(images: Images, epochs: int, fitted: Fitted) -> Iterator[Row]:
    """More codes than columns, most of them zero, for several penalties."""
    n_codes = images.train.shape[1] + images.train.shape[1] // 4
    for penalty in PENALTIES:
        model = AutoencoderTransformer(
            n_codes,
            hidden_layer_sizes=(256,),
            activation="relu",
            init="random",
            code_activation="relu",
            code_penalty=penalty,
            max_iter=epochs,
            random_state=0,
        )
        row = image_row(f"{n_codes} codes, code_penalty={penalty:g}", model, images)
        codes = model.transform(images.test)
        fitted.models[f"{penalty:g}"] = model
        yield {**row, "penalty": penalty, "active": float(np.mean(codes > 0))}


def bounded_losses(images: Images, epochs: int, fitted: Fitted) -> Iterator[Row]:
    """Squared error against cross-entropy, for values between 0 and 1."""
    for loss in ("squared_error", "log_loss"):
        model = AutoencoderTransformer(
            16,
            loss=loss,
            output_activation="logistic",
            max_iter=epochs,
            random_state=0,
        )
        yield image_row(f"loss='{loss}'", model, images)


def heavy_tails(images: Images, epochs: int, fitted: Fitted) -> Iterator[Row]:
    """Losses for outliers: errors of clean held-out rows after training on others."""
    X = curved_redundancy().X
    scaler = StandardScaler().fit(X[:700])
    train, test = scaler.transform(X[:700]), scaler.transform(X[700:])
    rng = np.random.default_rng(0)
    one_row = train.copy()
    one_row[5] *= OUTLIER
    cases = {
        "clean": train,
        f"errors of Student's t({TAILS:g})": train
        + 0.1 * rng.standard_t(TAILS, train.shape),
        "a row of 1e6 times its values": one_row,
    }
    for data, rows in cases.items():
        methods: dict[str, Any] = {"PCA(10)": PCA(10, random_state=0)}
        for loss in ("squared_error", "huber", "absolute_error"):
            model = AutoencoderTransformer(10, loss=loss, random_state=0)
            methods[f"loss='{loss}'"] = model
        for name, model in methods.items():
            seconds = timed_fit(model, rows)
            found = reconstruct(model, test)
            yield {
                "data": data,
                "method": name,
                "fvu": fvu(test, found, train.mean(axis=0)),
                "fit_seconds": seconds,
            }
