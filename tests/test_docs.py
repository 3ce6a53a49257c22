from pathlib import Path

import pytest

import sklearn_ae

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", sklearn_ae.__all__)
def test_site_lists_every_public_name(name):
    listed = (DOCS / "api.rst").read_text(encoding="utf-8").split()
    assert name in listed
