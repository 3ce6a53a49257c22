"""Faults of a cluster of processes, each of which is a real one here."""

import os
import re
import signal
import time
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

import sklearn_ae

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pytest.importorskip("distributed")

from distributed import Client, KilledWorker, LocalCluster

from sklearn_ae.dask import AutoencoderTransformer

pytestmark = pytest.mark.filterwarnings("ignore")  # of processes that end


class EndsItsWorker(Callback):
    """Kill the process that trains, so many times."""

    def __init__(self, folder, times):
        self.folder, self.times = folder, times

    def on_epoch_end(self, net, **kwargs):
        """Leave a mark and end."""
        marks = len([*self.folder.iterdir()])
        if marks < self.times:
            (self.folder / str(marks)).touch()
            os.kill(os.getpid(), signal.SIGKILL)


def ends_once(block, folder=None, block_id=None):
    """Kill the process that reads block 1, once."""
    mark = folder / "mark"
    if block_id is not None and block_id[0] == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return block


def quick(**params):
    return AutoencoderTransformer(max_iter=3, random_state=0, **params)


@contextmanager
def cluster():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as processes,
        Client(processes) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with cluster() as client:
        yield client


@pytest.fixture
def own_client():
    """A cluster for one test, which leaves nothing of it."""
    with cluster() as client:
        yield client


@pytest.fixture
def expected(bent):
    model = sklearn_ae.AutoencoderTransformer(max_iter=3, random_state=0)
    return model.fit(bent).transform(bent)


def fragile(X, folder):
    return da.from_array(X, chunks=(300, 6)).map_blocks(
        ends_once, folder=folder, dtype=float
    )


def test_a_worker_lost_while_reading_is_no_loss(client, bent, expected, tmp_path):
    model = quick().fit(fragile(bent, tmp_path))
    assert (tmp_path / "mark").exists()
    assert_allclose(model.to_local().transform(bent), expected, atol=1e-6)


def test_a_worker_lost_while_encoding_is_no_loss(client, bent, expected, tmp_path):
    model = quick().fit(da.from_array(bent, chunks=(300, 6)))
    codes = model.transform(fragile(bent, tmp_path)).compute()
    assert (tmp_path / "mark").exists()
    assert_allclose(codes, expected, atol=1e-6)


def test_training_starts_again_on_another_worker(client, bent, expected, tmp_path):
    model = quick(callbacks=[EndsItsWorker(tmp_path, 1)])
    model.fit(da.from_array(bent, chunks=(300, 6)))
    assert len([*tmp_path.iterdir()]) == 1
    assert_allclose(model.to_local().transform(bent), expected, atol=1e-6)


def test_training_that_ends_all_workers_is_an_error(own_client, bent, tmp_path):
    model = quick(callbacks=[EndsItsWorker(tmp_path, 100)])
    own_client.cluster.scheduler.allowed_failures = 1
    with pytest.raises(KilledWorker, match=re.escape("Attempted to run task")):
        model.fit(da.from_array(bent, chunks=(300, 6)))


def test_a_cluster_without_workers_is_an_error(own_client, bent):
    own_client.cluster.scale(0)
    deadline = time.monotonic() + 30
    while (
        own_client.scheduler_info(n_workers=1)["workers"]
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    message = "has had no worker for 1 seconds. Start some and call again"
    with (
        dask.config.set({"sklearn_ae.patience": 1}),
        pytest.raises(RuntimeError, match=re.escape(message)),
    ):
        quick().fit(da.from_array(bent, chunks=(300, 6)))
    own_client.cluster.scale(2)
    own_client.wait_for_workers(2, timeout=60)
    model = quick().fit(da.from_array(bent, chunks=(300, 6)))
    assert np.isfinite(model.score(da.from_array(bent, chunks=(300, 6))))


def score_inside(X):
    """Fit and score in a task, which has the only thread of its worker."""
    rows = da.from_array(X, chunks=(300, 6))
    return quick().fit(rows).score(rows)


def test_a_fit_inside_of_a_worker_does_not_wait_for_itself(client, bent):
    future = client.submit(score_inside, bent)
    reference = sklearn_ae.AutoencoderTransformer(max_iter=3, random_state=0)
    assert future.result(timeout=90) == pytest.approx(reference.fit(bent).score(bent))
