"""Versions of the site stand side by side, and are listed for their switch."""

import json

import pytest

from docs.add_version import add


@pytest.fixture
def built(tmp_path):
    """Return a function that writes a site with a word on its front page."""

    def built(word):
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        (site / "index.html").write_text(word, encoding="utf-8")
        return site

    return built


def listed(published):
    return json.loads((published / "switcher.json").read_text(encoding="utf-8"))


def test_the_first_version_is_the_front(built, tmp_path):
    published = tmp_path / "published"
    add(built("new"), published, "/base", "0.1.0.dev0")
    assert listed(published) == [{"version": "dev", "url": "/base/dev/"}]
    assert "url=dev/" in (published / "index.html").read_text(encoding="utf-8")


def test_versions_are_listed_newest_first(built, tmp_path):
    published = tmp_path / "published"
    for version in ("0.9.0", "1.0.0.dev0", "0.10.1", "0.2.0"):
        add(built(version), published, "", version)
    found = [one["version"] for one in listed(published)]
    assert found == ["dev", "0.10", "0.9", "0.2"]
    assert "url=0.10/" in (published / "index.html").read_text(encoding="utf-8")


def test_a_version_replaces_its_folder_alone(built, tmp_path):
    published = tmp_path / "published"
    add(built("other"), published, "", "0.2.0")
    add(built("old"), published, "", "0.1.0")
    (published / "0.1" / "gone.html").touch()
    add(built("new"), published, "", "0.1.1")
    assert [path.name for path in (published / "0.1").iterdir()] == ["index.html"]
    assert (published / "0.1" / "index.html").read_text(encoding="utf-8") == "new"
    assert (published / "0.2" / "index.html").read_text(encoding="utf-8") == "other"
