"""The rules of the architecture: rooms, floors and sizes, as functions of a source."""

import ast
import re
from statistics import median
from typing import NamedTuple

from docs.draw_rooms import imports, room_of, room_of_import
from tests.plan_of_rooms import (
    ALLOWED,
    MEDIAN_LINES_OF_BODY,
    MOST_CONSTANTS,
    MOST_FLOORS,
    MOST_LINES,
    MOST_LINES_OF_BODY,
    MOST_LINES_OF_CLASS_DOCSTRING,
    MOST_LINES_OF_FILE,
    OWNERS,
)

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


def doors(package):
    """Return the files that users import from."""
    return [package / "__init__.py", *package.glob("[!_]*.py")]


def floors(package):
    """Return the floor of each file that is no door: one above the highest below it."""
    below = {
        path: imported_files(path, package)
        for path in files_of(package)
        if path not in (*inits_of_rooms(package), *doors(package))
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
    """Only _training knows skorch, only _dask Dask; _data and _display no torch."""
    for path in files_of(package):
        room = room_of(path, package)
        for library in {one.module.split(".")[0] for one in imports(path, package)}:
            is_torch = library == "torch" and room in ("_data", "_display")
            owner = OWNERS.get(library, room)
            if is_torch or owner != room:
                yield f"{shown(path, package)} imports {library}"


def floors_are_few(package):
    """Files stand on at most ten floors, and not in a circle."""
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
    """The package has few constants."""
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
    """The package has at most so many lines."""
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
