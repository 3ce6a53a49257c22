import gzip
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks.datasets import (
    BUNDLED,
    REGIMES,
    bundled_table,
    curved_redundancy,
    linear_redundancy,
    load_images,
    load_tables,
    no_redundancy,
    saved_tables,
)


@pytest.fixture
def saved_folder(tmp_path):
    (tmp_path / "tabular").mkdir()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5)).astype(np.float32)
    labels = np.repeat([0, 1, 2], 10)
    np.savez(tmp_path / "tabular/letters.npz", X=X, y=labels)
    np.savez(tmp_path / "tabular/levels.npz", X=X, y=X[:, 0])
    return tmp_path


@pytest.mark.parametrize("name", REGIMES)
def test_regime_depends_on_its_seed_only(name):
    first, again, other = (
        REGIMES[name](n_samples=20, n_features=15, random_state=seed)
        for seed in (3, 3, 4)
    )
    assert first.X.shape == (20, 15)
    assert first.y.shape == (20,)
    assert_array_equal(first.X, again.X)
    assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)


@pytest.mark.parametrize("name", REGIMES)
def test_regime_leaves_the_global_generator_alone(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    REGIMES[name](n_samples=5, n_features=12)
    assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_no_redundancy_is_the_published_case():
    np.random.seed(0)  # noqa: NPY002
    X = np.random.randn(1000, 900)  # noqa: NPY002
    y = 2 * X[:, 0] + 1 + 0.1 * np.random.randn(1000)  # noqa: NPY002
    table = no_redundancy()
    assert_array_equal(table.X, X)
    assert_array_equal(table.y, y)


def test_linear_columns_repeat_their_factor_in_other_units():
    table = linear_redundancy(n_samples=500, n_features=24, n_factors=4)
    for j in range(24):
        correlation = np.corrcoef(table.X[:, j], table.factors[:, j % 4])[0, 1]
        # Noise of 0.1 to 0.3 standard deviations leaves 0.995 to 0.958, give or take.
        assert 0.94 < correlation < 0.998
    scale = table.X.std(axis=0)
    assert scale.max() / scale.min() > 100


def test_curved_columns_are_bumps_of_their_factor():
    table = curved_redundancy(n_samples=200, n_features=30, n_factors=3)
    assert abs(table.factors).max() <= 1
    # Bumps lie between 0 and 1; noise of 0.1 does not reach far beyond.
    assert table.X.min() > -0.6
    assert table.X.max() < 1.6
    assert_allclose(table.y, 2 * table.factors[:, 0] + 1, atol=0.5)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_table_has_a_target_for_each_row(name):
    table = bundled_table(name)
    assert len(table.y) == len(table.X)
    assert (table.task == "regression") == (name == "diabetes")


def test_saved_table_tells_labels_from_numbers(saved_folder):
    letters, levels = saved_tables(saved_folder)
    assert (letters.name, letters.task) == ("letters", "classification")
    assert (levels.name, levels.task) == ("levels", "regression")
    assert levels.X.dtype == np.float64


def test_folder_without_tables_is_named(tmp_path):
    message = f"{str(tmp_path)!r} has no file tabular/*.npz"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        saved_tables(tmp_path)


def test_tables_are_chosen_by_name(saved_folder):
    tables = load_tables(saved_folder)
    assert [table.name for table in tables] == [*BUNDLED, "letters", "levels"]
    assert [t.name for t in load_tables(saved_folder, ["levels"])] == ["levels"]
    with pytest.raises(ValueError, match=re.escape("no table ['wein']; there are")):
        load_tables(None, ["wein"])


def test_images_are_read_or_replaced_by_digits(tmp_path, capsys):
    (tmp_path / "mnist").mkdir()
    content = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, *range(8)])
    for part in ("train", "t10k"):
        path = tmp_path / "mnist" / f"{part}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(content))
    images = load_images(tmp_path, "mnist")
    assert (images.train.shape, images.side) == ((2, 4), 2)
    assert_allclose(images.test, np.arange(8).reshape(2, 4) / 255, rtol=1e-6)
    assert load_images(None, "mnist").name == "digits"
    assert "There is no mnist here" in capsys.readouterr().out
