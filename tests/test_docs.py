"""The site names what is public, its code runs, and its tables of places are true."""

import importlib.util
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import sklearn_ae
from docs import draw_hero, draw_rooms

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = DOCS / "guide"
PAGES = sorted(page for page in GUIDE.glob("*.md") if page.stem != "index")
TEXTS = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *GUIDE.glob("*.md")]
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<path>[^):#]+)(?:#[^)]*)?\)")
PLACE = re.compile(r"`(?P<path>[\w.]+/[\w./]*|[\w.]+\.(?:md|toml|py|cff))`")
# What pages need beside the extra of the tests' own libraries.
NEEDED = {
    "large_tables": ("dask.array", "pyarrow"),
    "onnx": ("onnxruntime", "skl2onnx"),
    "service": ("onnxruntime", "skl2onnx"),
}
# What some blocks name, and the packages of which they need one.
MODULES = {
    "sklearn.callback": ["sklearn.callback"],
    "array_api_dispatch": ["sklearn.externals.array_api_compat", "array_api_compat"],
    "skops.io": ["skops"],
    "skl2onnx": ["skl2onnx"],
}
LACKING = [
    text
    for text, modules in MODULES.items()
    if not any(map(importlib.util.find_spec, modules))
]


def blocks(page):
    """Return the code of a page, with empty lines before it, as it is numbered there.

    Without what is not installed, or scikit-learn is too old for.
    """
    text = page.read_text(encoding="utf-8")
    found = [
        "\n" * text.count("\n", 0, match.start("code")) + match["code"]
        for match in BLOCK.finditer(text)
    ]
    return [code for code in found if not any(text in code for text in LACKING)]


def run(page):
    """Run the blocks of a page in order, in one namespace."""
    found = blocks(page)
    assert found, f"{page.name} has no block of Python"
    namespace = {"__name__": page.stem}
    for code in found:
        exec(compile(code, page, "exec"), namespace)


def broken_links(page):
    """Return the local links of a page that lead nowhere; built pictures are not."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith("generated/")]
    return [link for link in local if not (page.parent / link).exists()]


def missing_places(text, root):
    """Return the paths in backticks that do not exist, but for what is built."""
    built = re.compile("/_build/|/output$")
    found = [path for path in PLACE.findall(text) if not built.search(path)]
    return [path for path in found if not (root / path).exists()]


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem
)
def test_code_of_page_runs(page, tmp_path, monkeypatch):
    for library in NEEDED.get(page.stem, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)  # some of it writes files
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # as a page asks for
    mpl.use("Agg")
    run(page)
    plt.close("all")


@pytest.mark.parametrize("text", ["no code", "```text\n1 / 0\n```\n"])
def test_page_without_code_is_refused(text, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape("page.md has no block")):
        run(page)


def test_blocks_share_names_and_errors_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\ntext\n```python\nassert x == 2, 'other'\n```\n",
        encoding="utf-8",
    )
    with pytest.raises(AssertionError, match="other"):
        run(page)


def test_every_page_is_in_the_guide():
    index = (GUIDE / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\w+$", index, re.MULTILINE)
    assert sorted(listed) == [page.stem for page in PAGES]


def test_every_page_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    unlinked = [page.stem for page in PAGES if f"guide/{page.name})" not in text]
    assert unlinked == []


def test_picture_is_described_as_it_is():
    shown = draw_hero.hero()
    assert shown.explains == pytest.approx(0.997, abs=0.002)
    for page in (ROOT / "README.md", DOCS / "index.md"):
        text = " ".join(page.read_text(encoding="utf-8").split())
        assert f"a straight line, explains {shown.pca_explains:.1%}" in text
        assert "a curve along the S, 99.7%" in text


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_local_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_broken_link_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[a](page.md#b) [c](https://d.org) [e](f.md)", encoding="utf-8")
    assert broken_links(page) == ["f.md"]


def test_site_lists_every_public_name_once():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   (\w+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(sklearn_ae.__all__)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/design.md"])
def test_table_of_places_names_every_room(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    found = set(draw_rooms.rooms(draw_rooms.PACKAGE)) - {"__init__"}
    assert [room for room in found if not re.search(rf"\b{room}\b", text)] == []


def test_places_that_contributing_names_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert missing_places(text, ROOT) == []
    assert missing_places("`docs/` `nowhere/` `none.py` `x.y`", ROOT) == [
        "nowhere/",
        "none.py",
    ]
