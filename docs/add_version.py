"""Put a built site beside those of other versions, with a list of all for their switch.

By hand: python docs/add_version.py SITE PUBLISHED BASE, where BASE is the path that the
folder PUBLISHED has on its server, as /sklearn_ae.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from sklearn_ae import __version__

DEVELOPMENT = "dev"


def folder_of(version: str) -> str:
    """Return the folder of a version, which the last number does not change."""
    return DEVELOPMENT if "dev" in version else ".".join(version.split(".")[:2])


def newest_first(folders: list[str]) -> list[str]:
    """Sort releases by their numbers, after what is developed."""
    releases = [name for name in folders if name != DEVELOPMENT]
    releases.sort(key=lambda name: [int(part) for part in name.split(".")])
    return [name for name in folders if name == DEVELOPMENT] + releases[::-1]


def add(site: Path, published: Path, base: str, version: str) -> None:
    """Replace one version's folder; the front leads to the newest release, if any."""
    target = published / folder_of(version)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(site, target)
    fronts = published.glob("*/index.html")
    folders = newest_first([page.parent.name for page in fronts])
    listed = [{"version": name, "url": f"{base}/{name}/"} for name in folders]
    (published / "switcher.json").write_text(json.dumps(listed), encoding="utf-8")
    front = next((name for name in folders if name != DEVELOPMENT), DEVELOPMENT)
    (published / "index.html").write_text(
        f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={front}/">'
        f'<title>sklearn_ae</title><a href="{front}/">sklearn_ae</a>',
        encoding="utf-8",
    )
    (published / ".nojekyll").touch()  # else folders such as _static are left out


if __name__ == "__main__":
    add(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], __version__)
