"""Settings of the documentation, for `make docs`."""

import re
import sys
from pathlib import Path, PurePosixPath

from sphinx.application import Sphinx

import sklearn_ae

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
from draw_rooms import draw  # noqa: E402

ROOT = DOCS.parent
ATTRIBUTE = re.compile(r"(?<![\w`])\w+_(?![\w`])")
LOCAL_LINK = re.compile(r"\]\((?P<path>[^):#]+)\)")

project = "sklearn_ae"
author = "sklearn_ae developers"
project_copyright = author
version = release = sklearn_ae.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "pages/README.md"]  # the latter is in the front page
myst_enable_extensions = ["deflist"]
templates_path = ["_templates"]
html_theme = "alabaster"
html_theme_options = {
    "description": "A scikit-learn PCA that can bend",
    "page_width": "1180px",
    "code_font_size": "0.85em",
    "sidebar_width": "240px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_copyright = False

# Single backticks in docstrings are code, as in scikit-learn.
default_role = "literal"
smartquotes = False
autodoc_typehints = "none"  # the sections on parameters give them in words
autosummary_generate = True
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"  # there is no room for them
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"^service\.py$",  # which is no narrated example
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "doc_module": ("sklearn_ae",),
    "backreferences_dir": "generated/backreferences",
}


def gather(page: PurePosixPath, done: set[PurePosixPath]) -> None:
    """Copy a file of the repository, and all it links to, into `pages`.

    The links then lead to the copies, whatever page the file is included in.
    """
    done.add(page)
    target = DOCS / "pages" / page
    target.parent.mkdir(parents=True, exist_ok=True)
    if page.suffix != ".md":
        target.write_bytes((ROOT / page).read_bytes())
        return

    def moved(match: re.Match[str]) -> str:
        linked = page.parent / match["path"]
        if linked == PurePosixPath("examples"):
            return "](/auto_examples/index.rst)"
        if linked.parts[0] == "docs":  # pages of the site already
            return f"](/{linked.relative_to('docs')})"
        if linked not in done:
            gather(linked, done)
        return f"](/pages/{linked})"

    text = (ROOT / page).read_text(encoding="utf-8")
    target.write_text(LOCAL_LINK.sub(moved, text), encoding="utf-8")


gathered: set[PurePosixPath] = set()
for start in ("README.md", "CONTRIBUTING.md", "CHANGES.md"):
    if PurePosixPath(start) not in gathered:
        gather(PurePosixPath(start), gathered)
draw(DOCS / "generated" / "pictures")


def quote_attributes(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Keep names such as `n_iter_` in the types of attributes from becoming links."""
    for number, line in enumerate(lines):
        documented, colon, kind = line.partition(" : ")
        lines[number] = documented + colon + ATTRIBUTE.sub(r"`\g<0>`", kind)


def setup(app: Sphinx) -> None:
    """Run before numpydoc, which makes tables of the types."""
    app.connect("autodoc-process-docstring", quote_attributes, priority=400)
