"""The autoencoders of the textbooks, one constructor call each, on images."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import StandardScaler

from benchmarks import networks
from benchmarks.classic_figures import (
    N_DRAWN,
    NOISE,
    TEXTBOOK,
    Case,
    build,
    build_pca,
    draw_images,
    fvu,
    image_row,
    noisy,
    psnr,
    reconstruct,
    save_figure,
)
from benchmarks.datasets import Images, curved_redundancy, load_images, load_series
from benchmarks.measuring import CPU_SECONDS, FIT_COLUMNS, timed_fit
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown, three_digits
from benchmarks.suite import Suite

DEVICE = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
MNIST, FASHION, DIGITS = (
    partial(load_images, name=name) for name in ("mnist", "fashion-mnist", "digits")
)
PUBLISHED = 0.0813  # validation loss of the article's network with 16 x 16 codes
CLEARLY_BETTER = 0.07
PCA_SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 96)
PENALTIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
TAILS = 1.5  # degrees of freedom of Student's t
OUTLIER = 1e6  # times the values of a row
QUICK_IMAGES = 2000
QUICK_EPOCHS = 2

FIGURES = ("mse", "fvu", "psnr", "cross_entropy", "log_loss", "active")

INTRO = """\
# The autoencoders of the textbooks

Held-out rows throughout. `mse` and `fvu` are the mean squared error of a pixel and the
fraction of variance unexplained, `cross_entropy` nats per row above a perfect
reconstruction, `log_loss` the mean of a pixel in nats, as training loops print it,
`psnr` decibels against the clean image, `active` the share of codes
that are not zero. One seed. Networks are trained on `device`. Written from the CSV of
the same name by `python -m benchmarks classics`, which also draws the pictures.
"""


def sigmoid_output(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """784-128-64-12-3, as in the textbook, and from PCA."""
    network = {**TEXTBOOK, "hidden_layer_sizes": (128, 64, 12), "max_iter": epochs}
    random = build(3, init="random", **network)
    methods = {
        "PCA(3)": build_pca(3),
        "textbook, init='random'": random,
        "textbook, init='pca'": build(3, **network),
        "defaults, logistic output": build(3, output_activation="logistic"),
        "defaults": build(3),
    }
    for name, model in methods.items():
        yield image_row(name, model, images)
    draw_images(random, images, f"{stem}_fashion_random.png")
    draw_images(methods["defaults"], images, f"{stem}_fashion_pca.png")


def denoising(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """784-128-64-32 with ReLU on the code, trained to undo noise."""
    given = noisy(images.test)
    network = {**TEXTBOOK, "hidden_layer_sizes": (128, 64), "max_iter": epochs}
    relu: Row = {"init": "random", "code_activation": "relu"}
    sizes = [k for k in PCA_SIZES if k < images.train.shape[1]]
    best = max(sizes, key=lambda k: _psnr_of_pca(k, images, given))
    from_pca = build(32, noise=NOISE, **network)
    methods = {
        "PCA(32)": build_pca(32),
        f"PCA({best}), the best": build_pca(best),
        "textbook without noise": build(32, **relu, **network),
        "textbook, noise=0.5": build(32, noise=NOISE, **relu, **network),
        "init='pca', noise=0.5": from_pca,
    }
    row = {"table": images.name, "method": "noisy input"}
    yield {**row, "psnr": psnr(images.test, given)}
    for name, model in methods.items():
        figures = timed_fit(model, images.train)
        quality = psnr(images.test, reconstruct(model, given))
        yield {**row, "method": name, "psnr": quality, **figures}
    draw_images(from_pca, images, f"{stem}_denoising.png", given[:N_DRAWN])


def _psnr_of_pca(n_components: int, images: Images, given: np.ndarray) -> float:
    """Measure how well PCA of the clean training rows removes noise."""
    pca = build_pca(n_components).fit(images.train)
    return psnr(images.test, reconstruct(pca, given))


def sparse_codes(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """More codes than columns, most of them zero, for several penalties."""
    n_codes = images.train.shape[1] + images.train.shape[1] // 4
    network: Row = {"hidden_layer_sizes": (256,), "activation": "relu"}
    rows = []
    for penalty in PENALTIES:
        model = build(
            n_codes,
            init="random",
            code_activation="relu",
            code_penalty=penalty,
            max_iter=epochs,
            **network,
        )
        row = image_row(f"{n_codes} codes, code_penalty={penalty:g}", model, images)
        active = float(np.mean(model.transform(images.test) > 0))
        rows.append({**row, "penalty": penalty, "active": active})
        yield rows[-1]
    draw_sparsity(pd.DataFrame(rows), f"{stem}_sparsity.png")


def bounded_losses(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Squared error against cross-entropy, for values between 0 and 1."""
    for loss in ("squared_error", "log_loss"):
        model = build(16, loss=loss, output_activation="logistic", max_iter=epochs)
        yield image_row(f"loss='{loss}'", model, images)


def tailed(train: np.ndarray) -> dict[str, np.ndarray]:
    """Return training rows as they are, with heavy tails, and with an outlying row."""
    rng = np.random.default_rng(0)
    one_row = train.copy()
    one_row[5] *= OUTLIER
    return {
        "clean": train,
        f"errors of Student's t({TAILS:g})": train
        + 0.1 * rng.standard_t(TAILS, train.shape),
        "a row of 1e6 times its values": one_row,
    }


def heavy_tails(images: Images, epochs: int, stem: Path) -> Iterator[Row]:
    """Losses for outliers: errors of clean held-out rows after training on others."""
    X = curved_redundancy().X
    scaler = StandardScaler().fit(X[:700])
    train, test = scaler.transform(X[:700]), scaler.transform(X[700:])
    for data, rows in tailed(train).items():
        methods: dict[str, Any] = {"PCA(10)": build_pca(10)}
        for loss in ("squared_error", "huber", "absolute_error"):
            methods[f"loss='{loss}'"] = build(10, loss=loss)
        for name, model in methods.items():
            figures = timed_fit(model, rows)
            lost = fvu(test, reconstruct(model, test), train.mean(axis=0))
            yield {"table": data, "method": name, "fvu": lost, **figures}


CASES: dict[str, tuple[Case, Callable[[Path | None], Images], int]] = {
    "sigmoid output": (sigmoid_output, FASHION, 10),
    "denoising": (denoising, MNIST, 10),
    "sparse codes": (sparse_codes, DIGITS, 60),
    "cross-entropy": (bounded_losses, MNIST, 10),
    "heavy tails": (heavy_tails, DIGITS, 0),
    "convolutional denoising": (networks.denoising, MNIST, 10),
    "16 x 16 codes": (networks.square_codes, MNIST, 12),
    "equal seconds": (networks.equal_seconds, FASHION, 16),
    "series": (networks.series, load_series, 200),
    "soft trees": (networks.soft_trees, MNIST, 20),
}


def draw_sparsity(rows: pd.DataFrame, path: str) -> None:
    """Draw what is lost against the share of codes that are not zero."""
    _, ax = plt.subplots(layout="constrained")
    ax.plot(100 * rows["active"], rows["fvu"], marker="o", color="black")
    for active, lost, penalty in rows[["active", "fvu", "penalty"]].to_numpy():
        place = (100 * active, lost)
        ax.annotate(f"{penalty:g}", place, (6, 6), textcoords="offset points")
    ax.set_xlabel("codes of a row that are not zero (%)")
    ax.set_ylabel("fraction of variance unexplained, held-out rows")
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0, right=min(100, 115 * float(np.max(rows["active"]))))
    ax.set_title("Sparsity for accuracy, labelled with code_penalty")
    save_figure(path)


def measure_case(name: str, options: Namespace) -> Iterator[Row]:
    """Measure a case and draw it."""
    case, load, epochs = CASES[name]
    images = load(options.data)
    if options.quick:
        epochs = QUICK_EPOCHS
        few = slice(QUICK_IMAGES)
        images = replace(images, train=images.train[few], test=images.test[few])
    for row in case(images, epochs, options.stem):
        yield {"case": name, "device": DEVICE, **row}


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure all cases, or those that the command line names."""
    names = options.cases or CASES
    return (row for name in names for row in measure_case(name, options))


def add_options(parser: ArgumentParser) -> None:
    """Add the option of this suite."""
    parser.add_argument("--cases", nargs="+", choices=list(CASES), help="only these")


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Lay the cases out."""
    for case, part in rows.groupby("case", sort=False):
        names = [*FIGURES, "fit_seconds", CPU_SECONDS, "device"]
        known = [name for name in names if part[name].replace("", None).notna().any()]
        table = part.set_index(["table", "method"])[known]
        yield f"## {str(case).capitalize()}\n\n{markdown(table, three_digits)}"


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare the network with 16 x 16 codes with the article's."""
    of_mnist = rows[(rows["case"] == "16 x 16 codes") & (rows["table"] == "mnist")]
    found = of_mnist.set_index("method")["log_loss"]
    limits = {networks.ARTICLE: PUBLISHED, networks.BETTER: CLEARLY_BETTER}
    return [
        at_most(
            f"cross-entropy at most {{:.4f}}, {name}", found.get(name, np.nan), limit
        )
        for name, limit in limits.items()
    ]


SUITE = Suite(
    intro=INTRO,
    columns=("case", "table", "method", *FIGURES, "penalty", *FIT_COLUMNS, "device"),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
    staying=lambda options, rows: ~rows["case"].isin(options.cases or list(CASES)),
)
