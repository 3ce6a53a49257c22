"""Tables with a target."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler


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
