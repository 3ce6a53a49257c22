"""Pictures of the package, from its source: the rooms, and the data flow of a fit.

Run by `conf.py`; by hand: python docs/draw_rooms.py DIRECTORY
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[1] / "sklearn_ae"
WIDTH, GAP = 3.2, 0.5  # inches
MOST_STEPS = 14


class Import(NamedTuple):
    """A name that a file imports; of a module as a whole the name is None."""

    module: str
    name: str | None


class Step(NamedTuple):
    """A call in a fit: what is called, where it is from, and what it returns."""

    name: str
    room: str
    summary: str
    result: str


def imports(path: Path, package: Path) -> Iterator[Import]:
    """Yield all that a file imports, anywhere in it, with absolute names of modules."""
    inside = (package.name, *path.relative_to(package).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) + 1 - node.level] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield from (Import(module, alias.name) for alias in node.names)


def room_of(path: Path, package: Path) -> str:
    """Name the room that a file is in; files beside the rooms are their own."""
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def room_of_import(found: Import, package: Path) -> str | None:
    """Name the room that a name comes from, or None if from another package."""
    top, *rest = found.module.split(".")
    if top != package.name:
        return None
    if rest:
        return rest[0]
    whole = found.name or "__init__"
    is_room = (package / whole).is_dir() or (package / f"{whole}.py").is_file()
    return whole if is_room else "__init__"


def rooms(package: Path) -> dict[str, list[Path]]:
    """Return the files of each room."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        found.setdefault(room_of(path, package), []).append(path)
    return found


def summary(files: list[Path]) -> str:
    """Return the sentence at the top of a room."""
    inits = [path for path in files if path.name == "__init__.py"]
    tree = ast.parse((inits or files)[0].read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n\n")[0]


def used_rooms(files: list[Path], package: Path) -> set[str]:
    """Name the rooms that a room imports from."""
    found = {
        room_of_import(one, package) for path in files for one in imports(path, package)
    }
    return {name for name in found if name} - {room_of(files[0], package)}


def libraries(files: list[Path], package: Path) -> list[str]:
    """Name the other packages that a room imports, without Python's own."""
    tops = {
        one.module.split(".")[0] for path in files for one in imports(path, package)
    }
    ours = {package.name, *sys.stdlib_module_names}
    return sorted(tops - ours)


def downwards(used: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the imports without those that close a circle, and what they lead to."""
    kept: dict[str, set[str]] = {}

    def visit(room: str, above: tuple[str, ...]) -> None:
        kept[room] = used[room] & set(used) - {room, *above}
        for other in sorted(kept[room]):
            if other not in kept:
                visit(other, (*above, room))

    for room in sorted(used, key=lambda room: room != "__init__"):
        if room not in kept:
            visit(room, ())
    return kept


def depths(used: dict[str, set[str]]) -> dict[str, int]:
    """Return how deep each room lies: below all that import from it."""

    @cache
    def depth(room: str) -> int:
        above = [other for other in used if room in used[other]]
        return max((depth(other) + 1 for other in above), default=0)

    return {room: depth(room) for room in used}


def direct(used: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out what a room reaches through another room anyway."""

    def reach(room: str, seen: set[str]) -> set[str]:
        for other in used.get(room, set()) - seen:
            seen |= {other}
            reach(other, seen)
        return seen

    return {
        room: {
            other
            for other in others
            if not any(other in reach(via, {room}) for via in others - {other})
        }
        for room, others in used.items()
    }


def definitions(path: Path) -> dict[str, str]:
    """Return functions and classes of a file, with the first lines of their docs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    return {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for node in tree.body
        if isinstance(node, kinds)
    }


def defined_in(room: str, name: str, package: Path) -> str | None:
    """Return the summary of what a room defines under a name, or None."""
    for path in rooms(package).get(room, []):
        if name in definitions(path):
            return definitions(path)[name]
    return None


def steps(function: ast.FunctionDef, path: Path, package: Path) -> list[Step]:
    """Return what a function calls of the package, in the order of the text."""
    here = dict.fromkeys(definitions(path), room_of(path, package))
    for one in imports(path, package):
        room = room_of_import(one, package)
        if room and one.name:
            here[one.name] = room
    results = {
        id(node.value): ast.unparse(node.targets[0]).strip("()")
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
    }
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    found: dict[str, Step] = {}
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = ast.unparse(call.func)
        known = name.partition(".")[0]
        if known in here and name not in found:
            text = defined_in(here[known], known, package)
            if text is not None:
                result = results.get(id(call), "")
                found[name] = Step(name, here[known], text, result)
    return list(found.values())


def main_function(package: Path) -> tuple[str, list[Step]]:
    """Find the function of `_fit` that the estimator calls to fit: it does the most."""
    door = package / "_autoencoder.py"
    wanted = {
        one.name
        for one in imports(door, package)
        if room_of_import(one, package) == "_fit"
    }
    candidates = [
        (node.name, steps(node, path, package))
        for path in rooms(package).get("_fit", [])
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name in wanted
    ]
    if not candidates:
        raise ValueError(f"{door} imports no function from {package / '_fit'}")
    return max(candidates, key=lambda found: ("fit" in found[0], len(found[1])))


def box(axes: Any, x: float, y: float, height: float, title: str, text: str) -> None:
    """Draw a box with a title and a text in it."""
    from matplotlib.patches import FancyBboxPatch

    shape = "round,pad=0,rounding_size=0.1"
    patch = FancyBboxPatch((x - WIDTH / 2, y), WIDTH, height, shape)
    patch.set(edgecolor="0.3", facecolor="#eef3f8")
    axes.add_patch(patch)
    top = y + height - 0.1
    axes.text(x, top, title, ha="center", va="top", weight="bold", size=10)
    axes.text(x, top - 0.22, text, ha="center", va="top", size=8)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from one box to another."""
    look = {"arrowstyle": "-|>", "color": "0.35", "shrinkA": 0, "shrinkB": 1}
    axes.annotate("", xy=end, xytext=start, arrowprops=look, zorder=0)


def save(axes: Any, path: Path) -> None:
    """Write a picture at the size of its inches."""
    from matplotlib import rc_context

    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
    with rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        metadata = {"Date": None} if path.suffix == ".svg" else None
        axes.figure.savefig(path, bbox_inches="tight", metadata=metadata)


def places_of(used: dict[str, set[str]], step: float) -> dict[str, tuple[float, float]]:
    """Return where rooms are drawn: those that import the most in the first column."""
    rows: dict[int, list[str]] = {}
    for room, depth in depths(used).items():
        rows.setdefault(depth, []).append(room)
    return {
        room: (number * (WIDTH + GAP), -depth * step)
        for depth, row in rows.items()
        for number, room in enumerate(sorted(row, key=lambda name: -len(used[name])))
    }


def draw_rooms(package: Path, path: Path) -> None:
    """Draw the rooms, each below those that import from it."""
    from matplotlib.figure import Figure

    found = rooms(package)
    used = downwards(
        {room: used_rooms(files, package) for room, files in found.items()}
    )
    height = 1.1
    places = places_of(used, height + GAP)
    width = max(x for x, _ in places.values()) + WIDTH
    depth = height - min(y for _, y in places.values())
    figure = Figure(figsize=(width, depth))
    axes = figure.add_axes((0, 0, 1, 1))
    for room, (x, y) in places.items():
        n_lines = sum(
            len(one.read_text(encoding="utf-8").splitlines()) for one in found[room]
        )
        uses = ", ".join(libraries(found[room], package))
        text = fill(summary(found[room]), 44) + f"\n{n_lines} lines"
        title = package.name if room == "__init__" else room
        box(axes, x, y, height, title, text + (f"\n{fill(uses, 44)}" if uses else ""))
    for room, others in direct(used).items():
        for other in others:
            (x, y), (below, y_below) = places[room], places[other]
            arrow(axes, (x, y), (below, y_below + height))
    save(axes, path)


def draw_flow(package: Path, path: Path) -> None:
    """Draw the calls of a fit, one below the other, with what they return."""
    from matplotlib.figure import Figure

    name, found = main_function(package)
    found = found[:MOST_STEPS]
    height, step = 0.85, 0.85 + GAP
    figure = Figure(figsize=(2 * WIDTH, (len(found) + 1) * step))
    axes = figure.add_axes((0, 0, 1, 1))
    top = len(found) * step
    box(axes, 0, top, height, name, "_fit\ncalls, in this order")
    for number, call in enumerate(found, start=1):
        y = top - number * step
        text = fill(call.summary, 44, max_lines=2)
        box(axes, 0, y, height, call.name, f"{call.room}\n{text}")
        arrow(axes, (0, y + step), (0, y + height))
        if call.result:
            axes.text(WIDTH / 2 + 0.1, y + height / 2, f"→ {call.result}", size=9)
    save(axes, path)


def draw(directory: Path) -> None:
    """Write both pictures into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    draw_rooms(PACKAGE, directory / "rooms.svg")
    draw_flow(PACKAGE, directory / "fit.svg")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
