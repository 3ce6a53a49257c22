from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks import classics
from benchmarks.datasets import Images, load_images


@pytest.fixture(scope="module")
def images() -> Images:
    whole = load_images(None, "digits")
    return replace(whole, train=whole.train[:80], test=whole.test[:20])


@pytest.mark.usefixtures("closed_figures")
@pytest.mark.parametrize(
    ("name", "column", "pictures"),
    [("denoising", "psnr", 1), ("cross-entropy", "cross_entropy", 0)],
)
def test_cases_are_measured_and_drawn(name, column, pictures, images, tmp_path):
    case, _, _ = classics.CASES[name]
    rows = pd.DataFrame(case(images, 1, tmp_path / "toy"))
    assert np.isfinite(rows[column]).all()
    assert len(list(tmp_path.glob("toy_*.png"))) == pictures
    text = "".join(
        classics.report(
            rows.assign(case=name).reindex(
                columns=[
                    "case",
                    *rows.columns,
                    *set(classics.FIGURES) - set(rows.columns),
                ]
            )
        )
    )
    assert text.startswith(f"## {name.capitalize()}")
    assert column in text


def test_figures_are_those_of_their_definitions():
    X, found = np.array([[0.0, 1.0], [1.0, 0.0]]), np.full((2, 2), 0.5)
    assert classics.mse(X, found) == 0.25
    assert classics.fvu(X, found, X.mean(axis=0)) == 1.0
    assert_allclose(classics.psnr(X, found), 10 * np.log10(4))
    assert_allclose(classics.cross_entropy(X, found), 2 * np.log(2))
    assert classics.cross_entropy(X, X) < 1e-5
