"""The package keeps to the rules of its architecture, and small ones break them."""

import ast

import pytest

from docs.draw_rooms import PACKAGE
from tests.plan_of_rooms import MOST_LINES
from tests.rules_of_rooms import (
    RULES,
    body_length,
    class_docstrings_are_short,
    constants_are_few,
    files_are_short,
    floors,
    floors_are_few,
    functions_are_short,
    imports_run_downwards,
    libraries_stay_in_their_rooms,
    package_is_small,
    private_names_stay_in_their_rooms,
    rooms_are_entered_by_their_doors,
    rooms_say_what_they_are_for,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps(rule):
    assert list(rule(PACKAGE)) == [], rule.__doc__


@pytest.fixture
def build(tmp_path):
    """Write a small package that keeps all rules, but for the files that are given."""

    def build(**changes):
        package = tmp_path / "small"
        init = '"""Does {}."""\n\nfrom small.{}.{} import {}\n\n__all__ = ["{}"]\n'
        files = {
            "__init__": "from small._autoencoder import A\n__all__ = ['A']\n",
            "_autoencoder": "import sklearn\nfrom small._fit import fit\nclass A: 0\n",
            "_fit/__init__": init.format("fits", "_fit", "run", "fit", "fit"),
            "_fit/run": "from small._data import start\ndef fit(): start()\n",
            "_data/__init__": init.format("data", "_data", "pca", "start", "start"),
            "_data/pca": "import numpy\nLIMIT = 1\ndef start(): 0\n",
        }
        files |= {name.replace("__of__", "/"): text for name, text in changes.items()}
        for name, text in files.items():
            path = package / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return package

    return build


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_that_keeps_the_rules_is_praised(rule, build):
    assert list(rule(build())) == []


LONG_BODY = "def long():\n    '''Doc.'''\n" + "    x = 1\n" * 51 + "def short(): 0\n"


@pytest.mark.parametrize(
    ("rule", "name", "text", "complaint"),
    [
        (
            imports_run_downwards,
            "_data/pca",
            "from small._fit import fit\n",
            "_data/pca.py imports fit from _fit",
        ),
        (
            imports_run_downwards,
            "_data/pca",
            "def start():\n    from .._fit import run\n",
            "_data/pca.py imports run from _fit",
        ),
        (
            imports_run_downwards,
            "_data/pca",
            "from small import A\n",
            "_data/pca.py imports A from __init__",
        ),
        (
            imports_run_downwards,
            "_data/pca",
            "import small._fit.run\n",
            "_data/pca.py imports None from _fit",
        ),
        (imports_run_downwards, "_utils/all", "", "_utils is no room of the table"),
        (imports_run_downwards, "helpers", "", "helpers is no room of the table"),
        (
            private_names_stay_in_their_rooms,
            "_fit/run",
            "from small._data.pca import _start\n",
            "_fit/run.py uses _start of _data",
        ),
        (
            private_names_stay_in_their_rooms,
            "_fit/run",
            "from small._data._pca import start\n",
            "_fit/run.py uses _pca of _data",
        ),
        (
            private_names_stay_in_their_rooms,
            "_fit/run",
            "from small._data import pca\npca._start()\n",
            "_fit/run.py uses _start of _data",
        ),
        (
            libraries_stay_in_their_rooms,
            "_fit/run",
            "def fit():\n    from skorch.callbacks import Callback\n",
            "_fit/run.py imports skorch",
        ),
        (
            libraries_stay_in_their_rooms,
            "_fit/run",
            "import dask.array\n",
            "_fit/run.py imports dask",
        ),
        (
            libraries_stay_in_their_rooms,
            "_data/pca",
            "import torch.nn\n",
            "_data/pca.py imports torch",
        ),
        (
            libraries_stay_in_their_rooms,
            "_display/__init__",
            "from torch import nn\n",
            "_display/__init__.py imports torch",
        ),
        (
            floors_are_few,
            "_data/pca",
            "from small._fit.run import fit\n",
            "circle: _fit/run.py -> _data/pca.py -> _fit/run.py",
        ),
        (files_are_short, "_data/pca", "\n" * 401, "_data/pca.py has 401 lines"),
        (functions_are_short, "_data/pca", LONG_BODY, "_data/pca.py:1 long has 51"),
        (
            functions_are_short,
            "_data/pca",
            "".join(f"def f{i}():\n" + "    x = 1\n" * 13 for i in range(3)),
            "the median body has 13 lines",
        ),
        (
            constants_are_few,
            "_data/pca",
            "A1: int = 0\nB1, _C1 = 1, 2\n"
            + "".join(f"X_{i} = {i}\n" for i in range(55)),
            "58 constants: _data/pca.py A1, _data/pca.py B1, _data/pca.py _C1",
        ),
        (
            class_docstrings_are_short,
            "_data/pca",
            "class A:\n    '''A." + "\n" * 200 + "    '''\n",
            "_data/pca.py A: 201 lines",
        ),
        (package_is_small, "_data/pca", "\n" * MOST_LINES, str(MOST_LINES)[:3]),
        (
            rooms_say_what_they_are_for,
            "_data/__init__",
            "'''One. Two.'''\n__all__ = []\n",
            "_data/__init__.py needs one sentence",
        ),
        (
            rooms_say_what_they_are_for,
            "_data/__init__",
            "'''One room.'''\n",
            "_data/__init__.py hands nothing on",
        ),
        (
            rooms_say_what_they_are_for,
            "_data/__init__",
            "'''One room.'''\n__all__ = ['start', 'pca']\n",
            "_data/__init__.py does not have ['start']",
        ),
        (
            rooms_say_what_they_are_for,
            "_model/net",
            "",
            "_model/__init__.py is missing",
        ),
        (
            rooms_are_entered_by_their_doors,
            "_fit/run",
            "from small._data.pca import stop\n",
            "_fit/run.py uses stop of _data",
        ),
        (
            rooms_are_entered_by_their_doors,
            "_fit/run",
            "from small import _data\n",
            "_fit/run.py imports _data as a whole",
        ),
    ],
)
def test_broken_rule_is_seen(rule, name, text, complaint, build):
    (found,) = rule(build(**{name: text}))
    assert found.startswith(complaint)


def test_docstring_and_decorators_are_counted_right():
    tree = ast.parse(LONG_BODY)
    assert body_length(tree.body[0]) == 51
    tree = ast.parse("def f():\n    '''Doc.'''\n")
    assert body_length(tree.body[0]) == 0
    tree = ast.parse("def f():\n    @a\n    def g():\n        0\n    return g\n")
    assert body_length(tree.body[0]) == 4


def test_floors_are_counted_through_doors(build):
    assert floors(build()) == {
        "_autoencoder.py": 3,
        "_fit/run.py": 2,
        "_data/pca.py": 1,
    }


def test_eleventh_floor_is_seen(build):
    chain = {
        f"_data/step{i}": f"from small._data.step{i - 1} import x\n"
        for i in range(1, 11)
    }
    package = build(**chain, **{"_data/step0": "x = 1\n"})
    assert list(floors_are_few(package)) == ["_data/step10.py is on floor 11"]


def test_doors_lead_to_what_is_asked_for_alone(build):
    door = "'''Data.'''\nfrom .pca import start\nfrom . import high\n__all__ = []\n"
    package = build(
        **{
            "_data/__init__": door,
            "_data/high": "from .pca import start\nfrom ._low import y\n",
            "_data/_low": "",
        }
    )
    found = floors(package)
    assert (found["_data/high.py"], found["_fit/run.py"]) == (2, 2)
