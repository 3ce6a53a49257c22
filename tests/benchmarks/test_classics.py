from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks import classic_figures, classics
from benchmarks.datasets import Images, load_images, load_series


@pytest.fixture(scope="module")
def images() -> Images:
    whole = load_images(None, "digits")
    return replace(whole, train=whole.train[:80], test=whole.test[:20])


@pytest.mark.usefixtures("closed_figures")
@pytest.mark.parametrize(
    ("name", "column", "pictures"),
    [
        ("denoising", "psnr", 1),
        ("cross-entropy", "cross_entropy", 0),
        ("convolutional denoising", "psnr", 2),
        ("16 x 16 codes", "log_loss", 1),
        ("equal seconds", "fvu", 1),
        ("series", "fvu", 2),
        ("soft trees", "fvu", 1),
    ],
)
@pytest.mark.filterwarnings("ignore:Reconstructions:UserWarning")  # of two epochs
def test_cases_are_measured_and_drawn(name, column, pictures, images, tmp_path):
    case, _, _ = classics.CASES[name]
    rows = pd.DataFrame(case(images, 1, tmp_path / "toy"))
    assert np.isfinite(rows[column]).all()
    assert len(list(tmp_path.glob("toy_*.png"))) == pictures
    text = "".join(
        classics.report(
            rows.assign(case=name).reindex(
                columns=dict.fromkeys(["case", *rows.columns, *classics.SUITE.columns])
            )
        )
    )
    assert text.startswith(f"## {name.capitalize()}")
    assert column in text


def test_figures_are_those_of_their_definitions():
    X, found = np.array([[0.0, 1.0], [1.0, 0.0]]), np.full((2, 2), 0.5)
    assert classic_figures.mse(X, found) == 0.25
    assert classic_figures.fvu(X, found, X.mean(axis=0)) == 1.0
    assert_allclose(classic_figures.psnr(X, found), 10 * np.log10(4))
    assert_allclose(classic_figures.cross_entropy(X, found), 2 * np.log(2))
    assert classic_figures.cross_entropy(X, X) < 1e-5
    assert_allclose(classic_figures.log_loss(X, found), np.log(2))


def test_promises_are_of_mnist_alone():
    methods = [classics.networks.ARTICLE, classics.networks.BETTER]
    rows = pd.DataFrame({"case": "16 x 16 codes", "method": methods, "table": "mnist"})
    first, second = classics.promises(rows.assign(log_loss=[0.0812, 0.0701]))
    assert (first.kept, second.kept) == (True, False)
    digits = rows.assign(log_loss=[0.0812, 0.0701], table="digits")
    assert {one.kept for one in classics.promises(digits)} == {None}


def test_lights_are_days_that_do_not_overlap(tmp_path):
    (tmp_path / "tabular").mkdir()
    minutes = np.column_stack([np.zeros(1200), np.arange(1200.0) % 600])
    path, names = tmp_path / "tabular/appliances.npz", ["T1", "lights"]
    np.savez(path, X=minutes, feature_names=names)
    found = load_series(tmp_path)
    assert found.name == "lights"
    assert found.train.shape[1] == found.test.shape[1] == 48
    starts = np.arange(0, 400 - 47, 2)
    n_train = len(starts) * 3 // 4
    assert len(found.test) == len(starts) - n_train
    assert starts[len(found.train) - 1] + 48 <= starts[n_train]
