"""Pictures of the cases, drawn with the displays that users have."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks.classics.cases import Fitted, noisy
from benchmarks.images import Images
from sklearn_ae import ReconstructionDisplay

N_IMAGES = 8


def _save(path: Path) -> None:
    """Write the current figure and close it."""
    plt.gcf().savefig(path, dpi=100, bbox_inches="tight")
    plt.close("all")
    print(f"Wrote {path}")


def reconstructions(images: Images, fitted: Fitted, name: str, path: Path) -> None:
    """Draw held-out images, their codes and what comes back."""
    ReconstructionDisplay.from_estimator(
        fitted.models[name],
        images.test[:N_IMAGES],
        image_shape=(images.side, images.side),
        n_images=N_IMAGES,
    )
    _save(path)


def denoised(images: Images, fitted: Fitted, name: str, path: Path) -> None:
    """Draw clean, noisy and denoised images."""
    clean = images.test[:N_IMAGES]
    ReconstructionDisplay.from_estimator(
        fitted.models[name],
        clean,
        X_input=noisy(images.test)[:N_IMAGES],
        image_shape=(images.side, images.side),
        n_images=N_IMAGES,
    )
    _save(path)


def sparsity(rows: pd.DataFrame, path: Path) -> None:
    """Draw what is lost against the share of codes that are not zero."""
    _, ax = plt.subplots(layout="constrained")
    ax.plot(100 * rows["active"], rows["fvu"], marker="o", color="black")
    for active, lost, penalty in rows[["active", "fvu", "penalty"]].to_numpy():
        ax.annotate(
            f"{penalty:g}",
            (100 * active, lost),
            xytext=(6, 6),
            textcoords="offset points",
        )
    ax.set_xlabel("codes of a row that are not zero (%)")
    ax.set_ylabel("fraction of variance unexplained, held-out rows")
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0, right=min(100, 115 * float(np.max(rows["active"]))))
    ax.set_title("Sparsity for accuracy, labelled with code_penalty")
    _save(path)
