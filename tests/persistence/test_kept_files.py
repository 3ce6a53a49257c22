"""Files of earlier versions, which are kept beside the tests, give the same numbers."""

import json
import re
from warnings import catch_warnings, simplefilter

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors import safe_open
from sklearn.exceptions import InconsistentVersionWarning

import sklearn_ae
from sklearn_ae._persistence.documents import FORMAT, versions
from tests.persistence.write_files import FOLDER, models, outputs, write

KEPT = sorted(FOLDER.glob("*.safetensors"))


def name_of(path):
    return path.name.partition("-")[0]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_file_gives_the_same_numbers(path):
    with safe_open(path, framework="numpy") as file:
        stored = json.loads(file.metadata()["sklearn_ae"])["versions"]
    with catch_warnings(record=True) as caught:
        simplefilter("always")
        model = sklearn_ae.load(path)
    warned = [re.search(r"\((.*?)\)", str(one.message))[1] for one in caught]
    assert {one.category for one in caught} <= {InconsistentVersionWarning}
    assert warned == [one for one, now in versions().items() if stored[one] != now]
    with np.load(path.with_suffix(".npz")) as arrays:
        found = outputs(name_of(path), model, arrays)
        assert_allclose(found, arrays["outputs"], rtol=0, atol=1e-6)


def test_files_of_this_format_are_kept():
    found = {name_of(path) for path in KEPT if f"-format{FORMAT}-" in path.name}
    assert found == models().keys()
    estimators = {
        one for one in sklearn_ae.__all__ if hasattr(getattr(sklearn_ae, one), "fit")
    }
    assert estimators <= found


def test_kept_files_are_small():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert {name for name, size in sizes.items() if size > 100_000} == set()


def test_script_writes_what_is_not_there(tmp_path):
    written = write(tmp_path)
    assert len(written) == len(models())
    kept = tmp_path / f"{written[0]}.safetensors"
    kept.write_bytes(b"earlier")
    (tmp_path / f"{written[1]}.safetensors").unlink()
    assert write(tmp_path) == written[1:2]
    assert kept.read_bytes() == b"earlier"
