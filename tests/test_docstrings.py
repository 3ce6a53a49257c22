import inspect
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

import sklearn_ae

SETTINGS = Path(__file__).parents[1] / "pyproject.toml"


def documented_names():
    """Name the public classes and functions, and the methods that are ours."""
    for name in sklearn_ae.__all__:
        public = getattr(sklearn_ae, name)
        yield f"sklearn_ae.{name}"
        if inspect.isclass(public):
            for method, function in inspect.getmembers(public, inspect.isroutine):
                ours = str(getattr(function, "__module__", None)).startswith(
                    "sklearn_ae."
                )
                if ours and not method.startswith("_"):
                    yield f"sklearn_ae.{name}.{method}"


@pytest.mark.parametrize("name", list(documented_names()))
def test_docstring_follows_numpydoc(name):
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    unwanted = settings["tool"]["numpydoc_validation"]["checks"]
    complaints = validate(name)["errors"]
    assert [(code, text) for code, text in complaints if code not in unwanted] == []
