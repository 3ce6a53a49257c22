"""Other processes: a child that is forked after torch was used in the parent."""

import multiprocessing
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="elsewhere fork is not safe or not there",
)


def transform_and_refit(queue, model, X):
    """Put the codes of a fitted model and of a copy fitted here."""
    codes = model.transform(X)
    queue.put((codes, model.fit(X).transform(X)))


@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}])
def test_child_forked_after_use_gives_the_same_bits(
    quick, curved, two_threads, changes
):
    X = np.array(curved)
    model = quick(**changes).fit(X)
    codes = model.transform(X)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=transform_and_refit, args=(queue, model, X))
    child.start()
    child.join(timeout=60)
    alive = child.is_alive()
    if alive:
        child.kill()
    assert not alive
    assert child.exitcode == 0
    for found in queue.get():
        assert_array_equal(found, codes)
