"""Tensors in, tensors out, where scikit-learn's array API dispatch is on.

It asks for a variable of the environment that SciPy reads when it is imported.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.utils import get_tags

from sklearn_ae import AutoencoderTransformer

TESTS = Path(__file__).parent
FILES = ["with_dispatch.py", "resident_rows.py"]
LIBRARIES = ("sklearn.externals.array_api_compat", "array_api_compat")
needs_library = pytest.mark.skipif(
    not any(map(find_spec, LIBRARIES)),
    reason="scikit-learn 1.6 needs array-api-compat for it",
)


def run_with_dispatch(name, *options):
    """Run a file of tests/array_api in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *options, str(TESTS / "array_api" / name)],
        cwd=TESTS.parent,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@needs_library
@pytest.mark.parametrize("name", FILES)
def test_with_dispatch(name):
    done = run_with_dispatch(name, "-m", "not gpu")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout


@needs_library
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", FILES)
def test_with_dispatch_on_a_gpu(name):
    done = run_with_dispatch(name, "-m", "gpu")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_support_is_declared():
    assert get_tags(AutoencoderTransformer()).array_api_support


def test_without_dispatch_tensors_give_the_arrays_of_arrays(quick, curved):
    X = torch.tensor(curved)
    model, wanted = quick().fit(X), quick().fit(X.numpy())
    for method in ("transform", "score_samples"):
        found = getattr(model, method)(X)
        assert isinstance(found, np.ndarray)
        assert_array_equal(found, getattr(wanted, method)(X.numpy()), strict=True)
    assert isinstance(model.mean_, np.ndarray)
