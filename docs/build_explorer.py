"""A page to touch: digits drawn from two codes, by onnxruntime-web in the browser.

Run by `conf.py` where `npm install --prefix docs` has put onnxruntime-web, in the
version of `package.json`; by hand: python docs/build_explorer.py RUNTIME PAGE
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path
from string import Template

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.onnx import to_onnx_inverse

DOCS = Path(__file__).parent
RUNTIME = DOCS / "node_modules" / "onnxruntime-web" / "dist"
MOST_BYTES = 5_000_000


def pack(content: bytes) -> str:
    """Return bytes as text that a browser can unpack."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def rounded(numbers: np.ndarray) -> list[float]:
    """Return numbers short enough for a page."""
    return np.round(np.asarray(numbers, dtype=np.float64), 3).tolist()


def fields(autoencoder: AutoencoderTransformer) -> dict[str, str]:
    """Fit to three quarters of the digits; the others are what the page shows."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, _, labels = train_test_split(
        X.astype(np.float32), y, random_state=0, stratify=y
    )
    autoencoder.fit(X_train)
    pca = PCA(n_components=2).fit(X_train)
    train_codes = autoencoder.transform(X_train)
    signs = np.sign(np.sum(train_codes * pca.transform(X_train), axis=0))
    digits = {
        "low": rounded(train_codes.min(axis=0)),
        "high": rounded(train_codes.max(axis=0)),
        "codes": rounded(autoencoder.transform(X_test)),
        "rows": X_test.astype(int).tolist(),
        "labels": labels.tolist(),
        "mean": rounded(pca.mean_),
        "components": rounded(signs[:, np.newaxis] * pca.components_),
    }
    errors = X_test - pca.inverse_transform(pca.transform(X_test))
    total = X_test - X_train.mean(axis=0)
    model = to_onnx_inverse(autoencoder, dtype=np.float32).SerializeToString()
    return {
        "n_rows": str(len(X_test)),
        "autoencoder": f"{autoencoder.score(X_test):.0%}",
        "pca": f"{1 - np.sum(errors**2) / np.sum(total**2):.0%}",
        "kilobytes": f"{len(model) / 1000:.0f}",
        "digits": json.dumps(digits, separators=(",", ":")),
        "model": pack(model),
    }


def page(runtime: Path, autoencoder: AutoencoderTransformer) -> str:
    """Return the page, with the files of onnxruntime-web's folder in it."""
    template = (DOCS / "explorer_template.html").read_text(encoding="utf-8")
    pinned = (DOCS / "package.json").read_text(encoding="utf-8")
    text = Template(template).substitute(
        fields(autoencoder),
        version=json.loads(pinned)["dependencies"]["onnxruntime-web"],
        licence=(DOCS / "onnxruntime_licence.txt").read_text(encoding="utf-8"),
        runtime=pack((runtime / "ort.wasm.bundle.min.mjs").read_bytes()),
        wasm=pack((runtime / "ort-wasm-simd-threaded.wasm").read_bytes()),
    )
    if len(text.encode()) > MOST_BYTES:
        raise ValueError(
            f"The page has {len(text.encode())} bytes, but at most {MOST_BYTES} are "
            "allowed. Use the version of onnxruntime-web that docs/package.json names."
        )
    return text


def build(runtime: Path, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    autoencoder = AutoencoderTransformer(n_components=2, random_state=0)
    path.write_text(page(runtime, autoencoder), encoding="utf-8")


if __name__ == "__main__":
    build(*map(Path, sys.argv[1:]))
