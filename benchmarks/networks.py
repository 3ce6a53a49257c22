"""The networks for images, series and trees, as cases of the classics."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.classic_figures import (
    N_DRAWN,
    NOISE,
    build,
    build_pca,
    draw_images,
    image_row,
    log_loss,
    mse,
    noisy,
    psnr,
    reconstruct,
    save_figure,
)
from benchmarks.datasets import Images, waves
from benchmarks.measuring import CPU_SECONDS, one_thread, timed_fit
from benchmarks.records import Row
from sklearn_ae.networks import Convolutional, Recurrent, SoftTree, Transformer

PIXELS: Row = {"output_activation": "logistic"}
MAPS: Row = {"module": Convolutional, "learning_rate_init": 0.003}
TWO_LEVELS: Row = {**MAPS, "module__channels": (64, 128)}
SERIES: Row = {"init": "random", "learning_rate_init": 0.003}
ARTICLE = "convolutional, init='random'"
BETTER = "convolutional, from PCA"
DEPTH = 5  # of the tree whose leaves are drawn
DRAWN = {
    "fully connected": "fully_connected",
    "convolutional, max-pooling": "convolutional",
}
# What is trained for longer and longer, and for how many sixteenths of the epochs.
CURVES: dict[str, tuple[Row, tuple[int, ...]]] = {
    "built-in, init='random'": ({"init": "random"}, (2, 4, 8, 16)),
    "built-in, from PCA": ({}, (2, 4, 8, 16)),
    "convolutional, init='random'": (
        {"init": "random", **MAPS, "module__channels": (8, 16)},
        (1, 2, 4),
    ),
    "convolutional, from PCA": ({**MAPS, "module__channels": (8, 16)}, (1, 2)),
}


def denoising(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Two levels of 64 and 128 maps beside fully connected layers, to undo noise."""
    given = noisy(images.test)
    shared = {**PIXELS, "noise": NOISE, "max_iter": epochs}
    pooled: Row = {**TWO_LEVELS, "module__pooling": "max"}
    networks: dict[str, Row] = {
        "fully connected": {"init": "random"},
        "fully connected, from PCA": {},
        "convolutional, strided": {"init": "random", **TWO_LEVELS},
        "convolutional, max-pooling": {"init": "random", **pooled},
        "convolutional, max-pooling, from PCA": pooled,
    }
    size = min(32, images.test.shape[1])
    models = {name: build(size, **shared, **one) for name, one in networks.items()}
    for name, model in models.items():
        figures = timed_fit(model, images.train)
        found = reconstruct(model, given)
        quality = {"mse": mse(images.test, found), "psnr": psnr(images.test, found)}
        method = f"{name}, {size} codes"
        yield {"table": images.name, "method": method, **quality, **figures}
    for name, short in DRAWN.items():
        path = f"{stem}_denoising_{short}.png"
        draw_images(models[name], images, path, given[:N_DRAWN])


def square_codes(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Train a convolutional network with 16 x 16 codes by cross-entropy."""
    n_codes = min(256, images.train.shape[1])
    shared = {**PIXELS, "loss": "log_loss", "max_iter": epochs}
    methods: dict[str, Any] = {
        f"PCA({n_codes})": build_pca(n_codes),
        "fully connected, init='random'": build(n_codes, init="random", **shared),
        ARTICLE: build(n_codes, init="random", **MAPS, **shared),
        BETTER: build(n_codes, **MAPS, **shared),
    }
    for name, model in methods.items():
        row = image_row(name, model, images)
        yield {
            **row,
            "log_loss": log_loss(images.test, reconstruct(model, images.test)),
        }
    draw_images(methods[BETTER], images, f"{stem}_square_codes.png")


def equal_seconds(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Loss against seconds of one thread: each network is trained longer and longer."""
    rows = []
    for name, (network, parts) in CURVES.items():
        for part in parts:
            n_epochs = max(part * epochs // 16, 1)
            model = build(10, max_iter=n_epochs, device="cpu", **network)
            with one_thread():
                row = image_row(f"{name}, {n_epochs} epochs", model, images)
            rows.append({**row, "device": "cpu", "curve": name})
            yield {key: value for key, value in rows[-1].items() if key != "curve"}
    _draw_curves(pd.DataFrame(rows), f"{stem}_seconds.png")


def series(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Recurrent cells and attention for series, beside PCA: measured and generated."""
    for rows in {images.name: images, "waves": waves()}.values():
        methods: dict[str, Any] = {
            "PCA(4)": build_pca(4),
            "defaults": build(4),
            "built-in, init='random'": build(4, init="random", max_iter=epochs),
            "recurrent": build(4, module=Recurrent, max_iter=epochs, **SERIES),
            "attention": build(
                4,
                module=Transformer,
                module__patch_size=4,
                max_iter=epochs,
                **SERIES,
            ),
        }
        for name, model in methods.items():
            yield {**image_row(name, model, rows), "cross_entropy": np.nan}
        _draw_series(methods, rows, f"{stem}_series_{rows.name}.png")


def soft_trees(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Soft decision trees beside PCA and the built-in network, with their leaves."""
    tree = partial(build, module=SoftTree, init="random", max_iter=epochs)
    alone = tree(10, module__depth=DEPTH, module__n_trees=1)
    methods = {
        "PCA(10)": build_pca(10),
        "built-in, init='random'": build(10, init="random", max_iter=epochs),
        f"1 tree of depth {DEPTH}": alone,
        "4 trees of depth 5": tree(10),
        "16 trees of depth 6": tree(10, module__depth=6, module__n_trees=16),
    }
    for name, model in methods.items():
        yield image_row(name, model, images)
    draw_leaves(alone, images.side, f"{stem}_leaves.png")


def _draw_curves(rows: pd.DataFrame, path: str) -> None:
    """Draw the losses of each network against its seconds."""
    _, ax = plt.subplots(layout="constrained")
    for name, part in rows.groupby("curve", sort=False):
        ax.plot(part[CPU_SECONDS], part["fvu"], marker="o", label=name)
    ax.set_xscale("log")
    ax.set_xlabel("processor seconds of the fit, one thread")
    ax.set_ylabel("fraction of variance unexplained, held-out rows")
    ax.legend()
    save_figure(path)


def _draw_series(methods: dict[str, Any], rows: Images, path: str) -> None:
    """Draw held-out series, and what comes back from each method."""
    places = np.linspace(0, len(rows.test) - 1, 6).astype(int)
    axes: list[Axes]
    figure, grid = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
    axes = list(grid.ravel())
    for place, ax in zip(places, axes, strict=True):
        ax.plot(rows.test[place], color="black", label="series")
    for name, model in methods.items():
        for found, ax in zip(reconstruct(model, rows.test[places]), axes, strict=True):
            ax.plot(found, linewidth=1, label=name)
    axes[0].legend(fontsize=7)
    figure.supxlabel("step")
    save_figure(path)


def draw_leaves(model: Any, side: int, path: str) -> None:
    """Draw what each leaf of a decoder of one tree adds to a reconstruction."""
    leaves = model.net_.module_.network.decoder.added().detach().numpy()
    largest = np.abs(leaves).max()
    figure, axes = plt.subplots(4, len(leaves) // 4, figsize=(8, 4.2))
    for leaf, ax in zip(leaves, axes.ravel(), strict=True):
        ax.imshow(leaf.reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest)
        ax.set(xticks=[], yticks=[])
    figure.tight_layout(pad=0.3)
    save_figure(path)
