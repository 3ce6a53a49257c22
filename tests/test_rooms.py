"""The package keeps to its architecture: rooms, floors and sizes, by its source."""

import ast
import re
from statistics import median
from typing import NamedTuple

import pytest

from docs.draw_rooms import PACKAGE, imports, room_of, room_of_import

# What each room may import of the package; files beside the rooms are rooms too.
ALLOWED = {
    "__init__": {
        "_autoencoder",
        "_autoencoder_imputer",
        "_display",
        "_persistence",
        "_table_encoder",
        "_target_augmenter",
        "_version",
        "networks",
    },
    "_autoencoder": {
        "_reconstruction",
        "_persistence",
        "_fit",
        "_training",
        "_model",
        "_data",
        "networks",
    },
    "_reconstruction": {"_fit", "_model", "_data"},
    "_persistence": {
        "_fit",
        "_training",
        "_model",
        "_data",
        "_table",
        "_target",
        "_version",
    },
    "_fit": {"_training", "_model", "_data", "networks"},
    "_training": {"_model", "_data", "networks"},
    "_model": {"_data", "networks"},
    "networks": set(),
    "_autoencoder_imputer": {
        "_autoencoder",
        "_table_encoder",
        "_persistence",
        "_table",
    },
    "_table_encoder": {"_persistence", "_table"},
    "_table": set(),
    "_target_augmenter": {"_persistence", "_target"},
    "_target": set(),
    "_data": set(),
    "_display": set(),
    "_version": set(),
}
MOST_FLOORS = 9
MOST_LINES_OF_FILE = 400
MOST_LINES_OF_BODY = 50
MEDIAN_LINES_OF_BODY = 12
MOST_CONSTANTS = 40
MOST_LINES_OF_CLASS_DOCSTRING = 200
MOST_LINES = 10_500
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+")
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class Name(NamedTuple):
    """A name that one file imports from another room."""

    where: str
    room: str
    name: str


def files_of(package):
    return sorted(package.rglob("*.py"))


def shown(path, package):
    return path.relative_to(package).as_posix()


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def n_lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def inits_of_rooms(package):
    return sorted(package.glob("*/__init__.py"))


def path_of(module, package):
    """Return the file of a module with an absolute name; None if there is none."""
    top, *parts = module.split(".")
    if top != package.name:
        return None
    base = package.joinpath(*parts)
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def origins(found, package, seen=()):
    """Return the files that an import leads to, through the `__init__` of rooms.

    What such a file neither imports nor has as a module may be anything that it
    imports.
    """
    module = f"{found.module}.{found.name}"
    path = path_of(module, package) if found.name else None
    if path is not None:
        found = found._replace(module=module, name=None)
    path = path_of(found.module, package)
    if path is None or path in seen:
        return set()
    if path.name != "__init__.py" or path == package / "__init__.py":
        return {path}
    inner = list(imports(path, package))
    passed_on = [one for one in inner if one.name == found.name] or inner
    return set().union(*(origins(one, package, (*seen, path)) for one in passed_on))


def imported_files(path, package):
    """Return the files of the package that a file imports."""
    found = (origins(one, package) for one in imports(path, package))
    return set().union(*found) - {path}


def names_from_other_rooms(package):
    """Yield what files import from other rooms, and what they read of modules there."""
    for path in files_of(package):
        where, here = shown(path, package), room_of(path, package)
        modules = {}
        for one in imports(path, package):
            room = room_of_import(one, package)
            if room in (None, here):
                continue
            below = one.module.split(".")[2:]
            for part in [*below, *([one.name] if one.name else [])]:
                yield Name(where, room, part)
            if one.name:
                modules[one.name] = room
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                room = modules.get(ast.unparse(node.value))
                if room is not None:
                    yield Name(where, room, node.attr)


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def body_length(function):
    """Return the lines of a function's body without its docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body:
        return 0
    decorators = getattr(body[0], "decorator_list", [])
    return body[-1].end_lineno - min(one.lineno for one in [body[0], *decorators]) + 1


def bodies(package):
    """Return the lengths of all functions' bodies, with the places."""
    return {
        f"{shown(path, package)}:{node.lineno} {node.name}": body_length(node)
        for path in files_of(package)
        for node in ast.walk(tree_of(path))
        if isinstance(node, FUNCTIONS)
    }


def is_number(node):
    """Whether an expression is made of numbers alone."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    is_made_of = isinstance(node, ast.BinOp | ast.UnaryOp | ast.Tuple)
    return is_made_of and all(map(is_number, parts))


def constants(package):
    """Return the names in capitals that files give numbers to at their top level."""
    return [
        f"{shown(path, package)} {name.id}"
        for path in files_of(package)
        for node in tree_of(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_number(node.value)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and CONSTANT.fullmatch(name.id)
    ]


def floors(package):
    """Return the floor of each file that is no door: one above the highest below it."""
    below = {
        path: imported_files(path, package)
        for path in files_of(package)
        if path not in (*inits_of_rooms(package), package / "__init__.py")
    }
    floor = {}

    def climb(path, above):
        if path in above:
            circle = [*above[above.index(path) :], path]
            raise ValueError(" -> ".join(shown(one, package) for one in circle))
        if path not in floor:
            lower = [climb(one, (*above, path)) for one in sorted(below[path])]
            floor[path] = 1 + max(lower, default=0)
        return floor[path]

    for path in below:
        climb(path, ())
    return {shown(path, package): height for path, height in floor.items()}


# The rules: each returns its complaints about a package.


def imports_run_downwards(package):
    """Rooms import only from rooms below them."""
    for path in files_of(package):
        here = room_of(path, package)
        if here not in ALLOWED:
            yield f"{here} is no room of the table"
            continue
        for one in imports(path, package):
            room = room_of_import(one, package)
            if room not in (None, here) and room not in ALLOWED[here]:
                yield f"{shown(path, package)} imports {one.name} from {room}"


def private_names_stay_in_their_rooms(package):
    """No name with an underscore is imported from another room."""
    for where, room, name in names_from_other_rooms(package):
        if is_private(name):
            yield f"{where} uses {name} of {room}"


def libraries_stay_in_their_rooms(package):
    """Only _training knows skorch; _data and _display do not know torch."""
    for path in files_of(package):
        room = room_of(path, package)
        for library in {one.module.split(".")[0] for one in imports(path, package)}:
            is_torch = library == "torch" and room in ("_data", "_display")
            if is_torch or (library == "skorch" and room != "_training"):
                yield f"{shown(path, package)} imports {library}"


def floors_are_few(package):
    """Files stand on at most nine floors, and not in a circle."""
    try:
        found = floors(package)
    except ValueError as error:
        yield f"circle: {error}"
        return
    for where, floor in found.items():
        if floor > MOST_FLOORS:
            yield f"{where} is on floor {floor}"


def files_are_short(package):
    """No file is longer than 400 lines."""
    for path in files_of(package):
        if n_lines(path) > MOST_LINES_OF_FILE:
            yield f"{shown(path, package)} has {n_lines(path)} lines"


def functions_are_short(package):
    """No body of a function is longer than 50 lines, and the median at most 12."""
    lengths = bodies(package)
    for where, length in lengths.items():
        if length > MOST_LINES_OF_BODY:
            yield f"{where} has {length} lines"
    middle = median(lengths.values()) if lengths else 0
    if middle > MEDIAN_LINES_OF_BODY:
        yield f"the median body has {middle:g} lines"


def constants_are_few(package):
    """The package has at most 40 constants."""
    found = constants(package)
    if len(found) > MOST_CONSTANTS:
        yield f"{len(found)} constants: {', '.join(found)}"


def class_docstrings_are_short(package):
    """No docstring of a class is longer than 200 lines."""
    for path in files_of(package):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                text = ast.get_docstring(node, clean=False) or ""
                length = len(text.splitlines())
                if length > MOST_LINES_OF_CLASS_DOCSTRING:
                    yield f"{shown(path, package)} {node.name}: {length} lines"


def package_is_small(package):
    """The package has at most 10,500 lines."""
    total = sum(map(n_lines, files_of(package)))
    if total > MOST_LINES:
        yield f"{total} lines"


def exported(init):
    """Return the names that a room hands on, or None if there are none.

    They are in `__all__`, or else what is imported.
    """
    for node in tree_of(init).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    nodes = [node for node in tree_of(init).body if isinstance(node, ast.ImportFrom)]
    aliases = [alias for node in nodes for alias in node.names]
    return [one.asname or one.name for one in aliases] or None


def rooms_say_what_they_are_for(package):
    """Each room has an `__init__` with one sentence, and hands names on."""
    folders = {path.parent for path in files_of(package)} - {package}
    for folder in sorted(folders):
        init = folder / "__init__.py"
        where = shown(init, package)
        if not init.is_file():
            yield f"{where} is missing"
            continue
        text = ast.get_docstring(tree_of(init)) or ""
        if not re.fullmatch(r"[A-Z](?:[^.]|\.(?!\s))*\.", text):
            yield f"{where} needs one sentence as its docstring: {text!r}"
        names = exported(init)
        known = {one.name for one in imports(init, package)}
        known |= {path.stem for path in folder.glob("[!_]*.py")}
        if names is None:
            yield f"{where} hands nothing on"
        elif set(names) - known:
            yield f"{where} does not have {sorted(set(names) - known)}"


def rooms_are_entered_by_their_doors(package):
    """What a room is used for by others is what it hands on."""
    doors = {init.parent.name: exported(init) or [] for init in inits_of_rooms(package)}
    for path in files_of(package):
        for one in imports(path, package):
            room = room_of_import(one, package)
            if room not in doors or room == room_of(path, package):
                continue
            if one.module == package.name:
                yield f"{shown(path, package)} imports {room} as a whole"
            elif one.name not in doors[room]:
                yield f"{shown(path, package)} uses {one.name} of {room}"


RULES = [
    imports_run_downwards,
    private_names_stay_in_their_rooms,
    libraries_stay_in_their_rooms,
    floors_are_few,
    files_are_short,
    functions_are_short,
    constants_are_few,
    class_docstrings_are_short,
    package_is_small,
    rooms_say_what_they_are_for,
    rooms_are_entered_by_their_doors,
]


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
            + "".join(f"X_{i} = {i}\n" for i in range(38)),
            "41 constants: _data/pca.py A1, _data/pca.py B1, _data/pca.py _C1",
        ),
        (
            class_docstrings_are_short,
            "_data/pca",
            "class A:\n    '''A." + "\n" * 200 + "    '''\n",
            "_data/pca.py A: 201 lines",
        ),
        (package_is_small, "_data/pca", "\n" * 11_000, "11"),
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


def test_tenth_floor_is_seen(build):
    chain = {
        f"_data/step{i}": f"from small._data.step{i - 1} import x\n"
        for i in range(1, 10)
    }
    package = build(**chain, **{"_data/step0": "x = 1\n"})
    assert list(floors_are_few(package)) == ["_data/step9.py is on floor 10"]


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
