"""Write small files of this version, with inputs and outputs, for later ones to load.

Run from the root of the repository: python -m tests.persistence.write_files

Files that are there already stay as they are. What is in them has the same parameters
and attributes in all supported versions of scikit-learn.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import sklearn_ae
from sklearn_ae import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    TableEncoder,
    TableSampler,
    TargetAugmenter,
)
from sklearn_ae._persistence.documents import FORMAT

FOLDER = Path(__file__).parent / "files"
ANGLES = np.linspace(0, 6, 30)
NUMBERS = np.column_stack([ANGLES, np.sin(ANGLES), np.cos(ANGLES), np.sin(2 * ANGLES)])
TARGET = np.cos(2 * ANGLES)
TEXT = np.array(["red", "green", "blue"] * 10)
# Of the rows that are missing, the first column.
MISSING = slice(0, 30, 7)


def autoencoder(**changes):
    parameters = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
    return AutoencoderTransformer(2, **{**parameters, **changes})


def table(numbers, text):
    """Return a table of objects; files of arrays hold no objects."""
    return np.column_stack([numbers.astype(object), text.astype(object)])


def models():
    """Return the estimators by name."""
    scalers = [("a", StandardScaler(), [0, 1]), ("b", MinMaxScaler(), [2, 3])]
    steps = [("scale", ColumnTransformer(scalers)), ("reduce", autoencoder())]
    return {
        "AutoencoderImputer": AutoencoderImputer(autoencoder(), random_state=0),
        "AutoencoderOutlierDetector": AutoencoderOutlierDetector(
            autoencoder(), novelty=True, random_state=0
        ),
        "AutoencoderTransformer": autoencoder(init="random"),
        "Pipeline": Pipeline([*steps, ("predict", Ridge())]),
        "TableEncoder": TableEncoder(),
        "TableSampler": TableSampler(autoencoder(), random_state=0),
        "TargetAugmenter": TargetAugmenter(estimator=Ridge()),
    }


def outputs(name, model, arrays):
    """Return what a fitted estimator makes of the inputs."""
    if name == "TableEncoder":
        return np.asarray(model.transform(table(arrays["numbers"], arrays["text"])))
    if name == "TableSampler":
        return model.sample(20)
    if name == "AutoencoderOutlierDetector":
        return model.score_samples(arrays["numbers"])
    if name == "Pipeline":
        return model.predict(arrays["numbers"])
    return np.asarray(model.transform(arrays["numbers"]))


def write(folder):
    """Write what is not there yet, and return the names."""
    written = []
    for name, model in models().items():
        stem = f"{name}-format{FORMAT}-{sklearn_ae.__version__}"
        if (folder / f"{stem}.safetensors").exists():
            continue
        arrays = {"numbers": NUMBERS.copy(), "text": TEXT}
        if name == "AutoencoderImputer":
            arrays["numbers"][MISSING, 0] = np.nan
        is_mixed = name == "TableEncoder"
        X = table(NUMBERS, TEXT) if is_mixed else arrays["numbers"]
        model.fit(X, TARGET)
        arrays["outputs"] = outputs(name, model, arrays)
        np.savez_compressed(folder / f"{stem}.npz", **arrays)
        sklearn_ae.save(model, folder / f"{stem}.safetensors")
        written.append(stem)
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in write(FOLDER))
