"""The pictures of the design page show what is in the source."""

import pytest

from docs import draw_rooms


@pytest.fixture
def small_package(tmp_path):
    """Package of four rooms, whose fit calls two others."""
    files = {
        "__init__.py": '"""All."""\nfrom small._autoencoder import A\n',
        "_autoencoder.py": "from ._fit.run import fit, other\nfrom ._fit import run\n",
        "_fit/__init__.py": '"""Fits.\n\nLong."""\n',
        "_fit/run.py": (
            "import torch, os\nfrom small._data.pca import start\n"
            "from small._model.net import Net\n"
            "def other():\n    start(fit(Net()))\n"
            "def fit(X):\n    begin = start(X)\n    return _end(Net.of(begin))\n"
            'def _end(net):\n    """End it."""\n'
        ),
        "_model/net.py": "from small._data import pca\nclass Net:\n    pass\n",
        "_data/pca.py": 'from small import _fit\ndef start(X):\n    """Start it."""\n',
    }
    for name, text in files.items():
        path = tmp_path / "small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "small"


def test_rooms_are_below_those_that_import_them(small_package):
    found = draw_rooms.rooms(small_package)
    used = {
        room: draw_rooms.used_rooms(files, small_package)
        for room, files in found.items()
    }
    assert used["_data"] == {"_fit"}  # which closes a circle
    downwards = draw_rooms.downwards(used)
    assert downwards["_data"] == set()
    assert draw_rooms.depths(downwards) == {
        "__init__": 0,
        "_autoencoder": 1,
        "_fit": 2,
        "_model": 3,
        "_data": 4,
    }
    assert draw_rooms.direct(downwards)["_fit"] == {"_model"}
    assert draw_rooms.summary(found["_fit"]) == "Fits."
    assert draw_rooms.libraries(found["_fit"], small_package) == ["torch"]


def test_steps_of_a_fit_are_in_the_order_of_its_calls(small_package):
    name, steps = draw_rooms.main_function(small_package)
    assert name == "fit"
    assert steps == [
        ("start", "_data", "Start it.", "begin"),
        ("_end", "_fit", "End it.", ""),
        ("Net.of", "_model", "", ""),
    ]


def test_pictures_show_the_rooms_and_the_steps(tmp_path):
    draw_rooms.draw(tmp_path)
    pictures = [
        (tmp_path / name).read_text(encoding="utf-8")
        for name in ("rooms.svg", "fit.svg")
    ]
    for room in set(draw_rooms.rooms(draw_rooms.PACKAGE)) - {"__init__"}:
        assert f">{room}</text>" in pictures[0]
    name, steps = draw_rooms.main_function(draw_rooms.PACKAGE)
    assert len(steps) >= 3
    for step in [name, *(step.name for step in steps[: draw_rooms.MOST_STEPS])]:
        assert f">{step}</text>" in pictures[1]
