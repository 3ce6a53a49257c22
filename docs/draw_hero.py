"""The picture of the README and the front page: a curve that PCA cannot follow.

Drawn once, for a light and a dark background; by hand: python docs/draw_hero.py
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_s_curve
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer

FOLDER = Path(__file__).parent / "_static"
# Of the rows and of the two methods, each legible on its background.
COLOURS = {
    "light": ("#8c959f", "#a04100", "#0550ae"),
    "dark": ("#848d97", "#ffa657", "#79c0ff"),
}


class Hero(NamedTuple):
    """What the picture shows."""

    rows: np.ndarray
    line: np.ndarray
    curve: np.ndarray
    pca_explains: float
    explains: float


def hero() -> Hero:
    """Fit one code to 300 rows along the letter S, lying on its side."""
    X = make_s_curve(300, noise=0.08, random_state=0)[0][:, [2, 0]]
    # The code of the front page:
    autoencoder = AutoencoderTransformer(n_components=1, random_state=0)
    codes = autoencoder.fit_transform(X)
    restored = autoencoder.inverse_transform(codes)
    # as far as here.
    pca = PCA(n_components=1)
    line = pca.inverse_transform(np.sort(pca.fit_transform(X), axis=0))
    curve = restored[np.argsort(codes[:, 0])]
    return Hero(X, line, curve, autoencoder.pca_score_, autoencoder.score(X))


def draw(shown: Hero, background: str) -> None:
    """Write the picture for a background."""
    grey, orange, blue = COLOURS[background]
    figure, axis = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    axis.plot(
        *shown.rows.T, "o", color=grey, alpha=0.6, markersize=4, markeredgewidth=0
    )
    axis.plot(*shown.line.T, color=orange, linewidth=4, linestyle="--")
    axis.plot(*shown.curve.T, color=blue, linewidth=4)
    axis.text(-1.1, 0.45, f"PCA\n{shown.pca_explains:.1%}", color=orange, ha="center")
    label = f"autoencoder\n{shown.explains:.1%}"
    axis.text(1.0, -0.65, label, color=blue, ha="center")
    axis.set_aspect("equal")
    axis.set_axis_off()
    path = FOLDER / f"hero_{background}.svg"
    figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Fit once, and draw twice."""
    mpl.use("Agg")
    settings = {"svg.hashsalt": "hero", "font.size": 18, "font.weight": "bold"}
    mpl.rcParams.update(settings)
    shown = hero()
    for background in COLOURS:
        draw(shown, background)


if __name__ == "__main__":
    main()
