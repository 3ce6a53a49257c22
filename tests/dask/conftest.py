"""Rows on a curved surface, and a cluster of two processes."""

import numpy as np
import pytest

pytest.importorskip("dask.array")


@pytest.fixture(scope="session")
def curved():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((900, 2))
    X = np.tanh(factors @ rng.standard_normal((2, 6)))
    return X + 0.05 * rng.standard_normal(X.shape)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
