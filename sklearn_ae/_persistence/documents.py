"""Estimators as a document, which is JSON, and arrays, and back with all checked."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, TypeVar

from sklearn.exceptions import InconsistentVersionWarning

from sklearn_ae._advice import advise
from sklearn_ae._persistence.attributes import Attributes
from sklearn_ae._persistence.autoencoder import FITS
from sklearn_ae._persistence.scikit_learn import SCIKIT_LEARN
from sklearn_ae._persistence.tables import TABLES
from sklearn_ae._persistence.targets import TARGETS
from sklearn_ae._persistence.trees import TREES
from sklearn_ae._persistence.values import PLAIN, Arrays, Decoder, Encoder, Kind, need
from sklearn_ae._version import __version__

# To be raised whenever another version would read a file wrongly.
FORMAT = 3
# All that a file may hold; the estimators of the package are added by `saved`.
KINDS: dict[str, Kind] = {
    **PLAIN, **TABLES, **TARGETS, **SCIKIT_LEARN, **TREES, **FITS
}  # fmt: skip
# The classes of this package among them.
SAVED: set[type] = set()
Class = TypeVar("Class")


def saved(*names: str) -> Callable[[Class], Class]:
    """Have files hold a class, by its parameters and these fitted attributes.

    Its method `_complete` checks them when they are loaded.
    """

    def add(cls: Any) -> Any:
        attributes = Attributes(cls, names, (), cls._complete)
        KINDS[f"sklearn_ae.{cls.__name__}"] = Kind(attributes.take, attributes.put)
        SAVED.add(cls)
        return cls

    return add


def to_document(estimator: Any) -> tuple[str, Arrays]:
    """Return an estimator, fitted or not, as JSON and arrays of numbers."""
    encoder = Encoder(KINDS)
    try:
        section = encoder.encode(estimator, type(estimator).__name__)
    except RecursionError as error:
        raise ValueError("The estimator holds itself, or is nested deeply.") from error
    document = {"format": FORMAT, "versions": versions(), "estimator": section}
    return json.dumps(document), encoder.arrays


def read_document(text: str) -> dict[str, Any]:
    """Return what JSON holds, if it is of this format; ValueError if not."""
    document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("Its JSON is not an object.")
    found = document.get("format", FORMAT)
    if found != FORMAT:
        raise ValueError(
            f"It has format {found!r:.80}, but this version of sklearn_ae reads format "
            f"{FORMAT} alone. It was written by {document.get('versions')!r:.200}."
        )
    if document.keys() != {"format", "versions", "estimator"}:
        text = "Its entries are not format, versions and estimator, but"
        raise ValueError(f"{text} {sorted(document)!s:.200}.")
    for name in ("versions", "estimator"):
        need(isinstance(document[name], dict), f"Its entry {name!r} is")
    stored = document["versions"].values()
    are_text = all(type(one) is str and len(one) <= 100 for one in stored)
    need(are_text, "Its list of versions is")
    return document


def from_document(
    document: dict[str, Any], arrays: Arrays, cls: type | None = None
) -> Any:
    """Return an estimator, of this class unless that is None; errors are various."""
    if cls is not None:
        _check_class(document["estimator"], cls)
    estimator = Decoder(KINDS, arrays).decode(document["estimator"])
    left = sorted(name for name, array in arrays.items() if array.size)
    if left:
        raise ValueError(f"Its arrays {left!s:.200} belong to nothing.")
    return estimator


@cache
def versions() -> dict[str, str]:
    """Versions that a fit depends on; scikit-learn stamps its own classes only.

    Builds of torch for other devices, such as 2.10.0+cpu, count as the same version.
    """
    packages = ("scikit-learn", "skorch", "torch")
    installed = {name: version(name).partition("+")[0] for name in packages}
    return {"sklearn_ae": __version__, **installed}


def warn_of_versions(name: str, stored: Mapping[str, object]) -> None:
    """Warn of each package that had another version when the estimator was stored."""
    for package, current in versions().items():
        if stored.get(package) != current:
            advise(
                InconsistentVersionWarning(
                    estimator_name=f"{name} ({package})",
                    current_sklearn_version=current,
                    original_sklearn_version=str(stored.get(package)),
                )
            )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; readers differ in which of equal names they take."""
    found = dict(pairs)
    need(len(found) == len(pairs), "Its JSON has a name twice; it is")
    return found


def _refuse(constant: str) -> None:
    """Refuse what Python reads of JSON, but JSON does not have, such as NaN."""
    raise ValueError(f"Its JSON has {constant}, which is no JSON.")


def _check_class(section: dict[str, Any], cls: type) -> None:
    """Raise unless a file holds an instance of this class."""
    found = " and ".join(name.partition(".")[2] for name in section)
    if found != cls.__name__:
        raise ValueError(f"It holds an instance of {found:.80}, no {cls.__name__}.")
