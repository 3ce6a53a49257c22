"""Model cards: what is known of a fitted estimator, as Markdown."""

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_ae._persistence import versions

# Where estimators have others, apart from steps.
PARTS = ("best_estimator_", "encoder_", "estimator_")


def model_card(
    estimator: Any, X: Any = None, *, path: str | os.PathLike[str] | None = None
) -> str:
    r"""Describe a fitted estimator in Markdown.

    It has the classes, parameters, versions, sizes, what the codes explain beside PCA,
    and a hash of the columns: the SHA-256 of the UTF-8 bytes of
    `json.dumps(list_of_names)`, or of `json.dumps(n_features_in_)` without names.
    What users have named is escaped, so that it cannot be Markdown.

    Parameters
    ----------
    estimator : estimator
        Fitted; one of this package, or a `Pipeline` with such.
    X : array-like of shape (n_samples, n_features), default=None
        The rows of the fit, for their number and for what each component of PCA
        explains, which is fitted to them, each counting once. None leaves these out.
    path : str or path-like, default=None
        Name of a file to write the card to as well; an earlier one is replaced.

    Returns
    -------
    card : str
        The card.

    Raises
    ------
    NotFittedError
        If `estimator` is not fitted.
    ValueError
        If `X` has other columns than the rows of the fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import TableEncoder, model_card
    >>> card = model_card(TableEncoder().fit(load_iris().data))
    >>> card.splitlines()[0]
    '# Model card of TableEncoder'
    """
    check_is_fitted(estimator)
    found = list(_steps(type(estimator).__name__, estimator, X))
    names = getattr(estimator, "feature_names_in_", None)
    n_features = getattr(estimator, "n_features_in_", None)
    columns = [] if names is None else [str(name) for name in names]
    content = json.dumps(columns or n_features).encode()
    facts = [
        ("rows", "not given" if X is None else _num_samples(X)),
        ("columns", n_features),
        ("names of columns", ", ".join(columns) or "none"),
        ("SHA-256 of the columns", sha256(content).hexdigest()),
        *versions().items(),
        ("NumPy", np.__version__),
        ("Python", platform.python_version()),
    ]
    classes = [
        (name, type(one).__module__, type(one).__name__) for name, one, _ in found
    ]
    sections = [
        f"# Model card of {_cell(type(estimator).__name__)}",
        _table(("fact", "value"), facts),
        "## Steps",
        _table(("step", "module", "class"), classes),
    ]
    for name, one, rows in found:
        sections += [f"## {_cell(name)}", *_codes(one, rows), *_parameters(one)]
    card = "\n\n".join(sections) + "\n"
    if path is not None:
        Path(path).write_text(card, encoding="utf-8")
    return card


def _steps(name: str, estimator: Any, rows: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield an estimator and those in it, with names, and their rows if known."""
    yield name, estimator, rows
    for step, one in getattr(estimator, "steps", []):
        if not isinstance(one, BaseEstimator):
            continue
        yield from _steps(f"{name}: {step}", one, rows)
        if rows is not None and one is not estimator.steps[-1][1]:
            rows = one.transform(rows)
    for step, one, _ in getattr(estimator, "transformers_", []):
        if isinstance(one, BaseEstimator):
            yield from _steps(f"{name}: {step}", one, None)
    for part in PARTS:
        if isinstance(getattr(estimator, part, None), BaseEstimator):
            yield from _steps(f"{name}: {part}", getattr(estimator, part), None)


def _codes(model: Any, rows: Any) -> list[str]:
    """Return what the codes of an autoencoder explain, each beside PCA's."""
    if not hasattr(model, "shrinkage_"):
        return []
    shares, total = model.explained_variance_ratio_, model.pca_score_
    of_pca: Iterable[Any] = [""] * len(shares)
    if rows is not None:
        model.transform(rows[:1])  # which raises for other columns
        pca = type(model)(len(shares), hidden_layer_sizes=(), random_state=0)
        of_pca = pca.fit(rows).explained_variance_ratio_
        total = sum(of_pca)
    numbers = [("codes", str(len(shares)))]
    for name in ("shrinkage_", "best_loss_", "pca_score_"):
        numbers.append((name, _short(getattr(model, name))))
    pairs = zip(shares, of_pca, strict=True)
    lines = [(str(i), *map(_short, pair)) for i, pair in enumerate(pairs, 1)]
    lines.append(("all", _short(sum(shares)), _short(total)))
    head = ("code", "share of variance", "of PCA")
    return [_table(("fact", "value"), numbers), _table(head, lines)]


def _parameters(estimator: Any) -> list[str]:
    """Return parameters that differ from the default, and all of them."""
    constructor = signature(type(estimator).__init__).parameters
    values = estimator.get_params(deep=False)
    lines, changed = [], []
    for name, value in sorted(values.items()):
        default = getattr(constructor.get(name), "default", Parameter.empty)
        is_given = default is Parameter.empty
        lines.append((name, repr(value), "" if is_given else repr(default)))
        if is_given or repr(value) != repr(default):
            changed.append(_cell(f"{name}={value!r}"))
    text = f"Parameters other than the default: {', '.join(changed) or 'none'}."
    return [text, _table(("parameter", "value", "default"), lines)] if lines else []


def _short(number: Any) -> str:
    return number if isinstance(number, str) else f"{number:.4g}"


def _table(head: tuple[str, ...], lines: Iterable[tuple[Any, ...]]) -> str:
    rule = tuple("---" for _ in head)
    cells = [head, rule, *(tuple(map(_cell, line)) for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: Any) -> str:
    """Return text that is no Markdown, on one line and of some length."""
    text = "".join(one if one.isprintable() else " " for one in str(value))
    text = text if len(text) <= 300 else f"{text[:300]}..."
    # An underscore within a word is none of Markdown's.
    text = re.sub(r"(?<!\w)_|_(?!\w)|[\\`*\[\]<>~#&$!]", r"\\\g<0>", text)
    # Nor may a name become a table, a link or somebody's account.
    for mark in ("|", "://", "www.", "@"):
        text = text.replace(mark, f"&#{ord(mark[0])};{mark[1:]}")
    return text
