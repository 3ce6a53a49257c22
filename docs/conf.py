"""Settings of the documentation, for `make docs`."""

import os
import re
import sys
from pathlib import Path, PurePosixPath

from PIL import Image
from sphinx.application import Sphinx

import sklearn_ae

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
from add_version import folder_of  # noqa: E402
from build_explorer import RUNTIME, build  # noqa: E402
from draw_rooms import draw  # noqa: E402

ROOT = DOCS.parent
ATTRIBUTE = re.compile(r"(?<![\w`])\w+_(?![\w`])")
GUIDE_LINK = re.compile(r"\]\(\.\./\.\./(?P<path>[^):#]+)\)")
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
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
# A part of the README is in the front page.
exclude_patterns = ["_build", "node_modules", "pages/README.md"]
myst_enable_extensions = ["deflist"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "sklearn_ae"
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_end": [],
}
html_sidebars = {"index": []}
html_show_sourcelink = False
html_show_copyright = False
# The published site has a folder for each version, and a list of them for the switch.
if os.environ.get("VERSIONS"):
    html_theme_options |= {
        "switcher": {
            "json_url": "../switcher.json",
            "version_match": folder_of(version),
        },
        "check_switcher": False,
        "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    }
# Prompts are not copied.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# Names in the examples' code lead to the sites of other libraries where these can be
# asked; a build needs no network otherwise.
if os.environ.get("INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

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
    "thumbnail_size": (320, 224),  # pixels, twice what is shown
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "doc_module": ("sklearn_ae",),
    "backreferences_dir": "generated/backreferences",
}


def place(linked: PurePosixPath) -> str:
    """Return where the site has a file of the repository, copied if need be."""
    if linked == PurePosixPath("README.md"):
        return "/index.md"
    if linked == PurePosixPath("examples"):
        return "/auto_examples/index.rst"
    if linked.parts[0] == "docs":
        return f"/{linked.relative_to('docs')}"
    gather(linked)
    return f"/pages/{linked}"


def gather(page: PurePosixPath) -> None:
    """Copy a file of the repository, and all it links to, into `pages`.

    The links then lead to the copies, whatever page the file is included in.
    """
    if page in gathered:
        return
    gathered.add(page)
    target = DOCS / "pages" / page
    target.parent.mkdir(parents=True, exist_ok=True)
    if page.suffix != ".md":
        target.write_bytes((ROOT / page).read_bytes())
        if page.suffix == ".png":
            shrink(target)
        return
    text = (ROOT / page).read_text(encoding="utf-8")
    moved = LOCAL_LINK.sub(lambda m: f"]({place(page.parent / m['path'])})", text)
    target.write_text(moved, encoding="utf-8")


def shrink(picture: Path) -> None:
    """Leave at most 256 colours to a picture, which takes a third of the bytes."""
    with Image.open(picture) as image:
        if image.mode != "RGBA":  # it has been here before
            return
        opaque = image.getchannel("A").getextrema() == (255, 255)
        colours = (image.convert("RGB") if opaque else image).quantize()
    colours.save(picture, optimize=True)


def shrink_gallery(app: Sphinx) -> None:
    """Shrink the pictures of the examples, which have just run."""
    for picture in (DOCS / "auto_examples").rglob("*.png"):
        shrink(picture)


def lead_out_of_guide(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links of the guide to other files of the repository lead to the copies."""
    if docname.startswith("guide/"):
        source[0] = GUIDE_LINK.sub(outside, source[0])


def outside(match: re.Match[str]) -> str:
    """Return the link to a copy."""
    return f"]({place(PurePosixPath(match['path']))})"


gathered: set[PurePosixPath] = set()
for start in ("README.md", "CONTRIBUTING.md", "CHANGES.md"):
    gather(PurePosixPath(start))
for guide in (DOCS / "guide").glob("*.md"):  # before Sphinx looks what pages there are
    GUIDE_LINK.sub(outside, guide.read_text(encoding="utf-8"))
draw(DOCS / "generated" / "pictures")
if RUNTIME.is_dir():  # else there is no page to touch, and no link to it
    build(RUNTIME, DOCS / "generated" / "explorer" / "explorer.html")
    html_extra_path = ["generated/explorer"]
    tags.add("explorer")  # noqa: F821


def quote_attributes(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Keep names such as `n_iter_` in the types of attributes from becoming links."""
    for number, line in enumerate(lines):
        documented, colon, kind = line.partition(" : ")
        lines[number] = documented + colon + ATTRIBUTE.sub(r"`\g<0>`", kind)


def setup(app: Sphinx) -> None:
    """Connect what is above: after the gallery, before numpydoc's tables of types."""
    app.connect("builder-inited", shrink_gallery, priority=900)
    app.connect("source-read", lead_out_of_guide)
    app.connect("autodoc-process-docstring", quote_attributes, priority=400)
