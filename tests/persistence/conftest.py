import json

import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import sklearn_ae


@pytest.fixture
def path(tmp_path):
    """Name of a file that is not there yet."""
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(quick, linear, path):
    """Save an autoencoder and return the name of the file."""
    quick(early_stopping=True).fit(linear).save(path)
    return path


@pytest.fixture
def round_trip(path):
    """Return what saves an estimator and loads it."""

    def round_trip(estimator):
        sklearn_ae.save(estimator, path)
        return sklearn_ae.load(path)

    return round_trip


@pytest.fixture
def tamper():
    """Return what changes the document and the arrays of a file; text is written."""

    def tamper(path, change):
        with safe_open(path, framework="numpy") as file:
            names = file.keys()  # the file itself is no iterable
            arrays = {name: file.get_tensor(name) for name in names}
            document = json.loads(file.metadata()["sklearn_ae"])
        text = change(document, arrays)
        text = text if isinstance(text, str) else json.dumps(document)
        save_file(arrays, path, {"sklearn_ae": text})

    return tamper
