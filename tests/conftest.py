import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer


def bumps(n_samples, seed):
    """Measure two hidden factors by six overlapping bumps each, with little noise."""
    rng = np.random.default_rng(seed)
    factors = rng.uniform(-1, 1, (n_samples, 2))
    centres = np.linspace(-1.2, 1.2, 6).repeat(2)
    X = np.exp(-1.5 * (factors[:, np.arange(12) % 2] - centres) ** 2)
    X += 0.02 * rng.standard_normal(X.shape)
    X.setflags(write=False)
    return X


@pytest.fixture(scope="session")
def curved():
    """Rows on a curved surface of two dimensions."""
    return bumps(240, seed=0)


@pytest.fixture(scope="session")
def curved_held_out():
    """More rows on the same surface."""
    return bumps(100, seed=1)


@pytest.fixture(scope="session")
def linear():
    """Two hidden factors in six columns of different scales, plus noise."""
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((60, 2)) * [3.0, 1.5]
    noise = 0.3 * rng.standard_normal((60, 6))
    X = (factors @ rng.standard_normal((2, 6)) + noise) * [1, 2, 0.5, 1, 3, 1] + 5
    X.setflags(write=False)
    return X


@pytest.fixture(scope="session")
def noise():
    """Independent columns: there is nothing to learn."""
    X = np.random.default_rng(2).standard_normal((60, 5))
    X.setflags(write=False)
    return X


@pytest.fixture(scope="session")
def wide_linear():
    """Three strong factors and faint white noise in a hundred columns."""
    rng = np.random.default_rng(3)
    X = 3 * rng.standard_normal((200, 3)) @ rng.standard_normal((3, 100))
    X = X + 0.01 * rng.standard_normal(X.shape)
    X.setflags(write=False)
    return X


@pytest.fixture(scope="session")
def quick():
    """Return a factory of small estimators that depend on no default value."""

    def build(n_components=2, **changes):
        parameters = {
            "hidden_layer_sizes": (16,),
            "activation": "silu",
            "batch_size": 32,
            "learning_rate_init": 0.03,
            "alpha": 0.03,
            "max_iter": 4,
            "cv": None,
            "early_stopping": False,
            "random_state": 0,
        }
        return AutoencoderTransformer(n_components, **{**parameters, **changes})

    return build


@pytest.fixture
def two_threads():
    """Give torch two threads in this test."""
    count = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(count)


@pytest.fixture
def closed_figures(monkeypatch):
    """Draw without a window, refuse to show one, and close every figure."""
    previous = matplotlib.get_backend()
    plt.switch_backend("agg")

    def refuse():
        raise AssertionError("plt.show was called")

    monkeypatch.setattr(plt, "show", refuse)
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()  # what cannot be drawn warns here
    plt.close("all")
    plt.switch_backend(previous)


@pytest.fixture
def given_axes(closed_figures):
    """Two axes of one figure."""
    return plt.subplots(1, 2)[1]


@pytest.fixture
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture
def hidden():
    """Twenty columns of equal variance, one of which the target needs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 20))
    return X, 2 * X[:, 0] + 0.1 * rng.standard_normal(300)


@pytest.fixture(scope="session")
def bent():
    """900 rows of six columns that follow two factors."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((900, 2))
    X = np.tanh(factors @ rng.standard_normal((2, 6)))
    return X + 0.05 * rng.standard_normal(X.shape)
