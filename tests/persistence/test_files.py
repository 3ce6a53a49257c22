"""Files are written whole, or not at all; what is no such file is not read."""

import errno
import os
import pickle
import re
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import sklearn_ae
from sklearn_ae import AutoencoderTransformer

load = sklearn_ae.load


def names_in(directory):
    return [file.name for file in directory.iterdir()]


def test_missing_directory_is_named(quick, linear, tmp_path):
    path = tmp_path / "nowhere" / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path.parent))):
        quick().fit(linear).save(path)


def test_path_may_be_a_string(quick, linear, path):
    quick().fit(linear).save(str(path))
    assert load(str(path)).n_components_ == 2
    assert names_in(path.parent) == [path.name]


def test_mode_of_the_file_follows_the_umask(quick, linear, path):
    old = os.umask(0o027)
    try:
        quick().fit(linear).save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_link_is_followed(quick, linear, path, tmp_path):
    (tmp_path / "models").mkdir()
    target = tmp_path / "models" / "first"
    path.symlink_to(target)
    quick().fit(linear).save(path)
    assert path.is_symlink()
    assert target.is_file()
    assert load(path).n_components_ == 2


@pytest.mark.parametrize("name", ["", os.devnull])
def test_only_files_are_replaced(quick, linear, tmp_path, name):
    with pytest.raises(ValueError, match="is there already, and is no file"):
        quick().fit(linear).save(tmp_path / name)
    assert names_in(tmp_path) == []


def test_directory_that_does_not_exist_is_named(quick, linear, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors' is in no dir"):
        quick().fit(linear).save(tmp_path / "none" / "model.safetensors")


FAULTS = {
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "Ctrl-C": KeyboardInterrupt(),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_fault_leaves_the_earlier_file(
    quick, linear, path, monkeypatch, fault, function
):
    model = quick().fit(linear)
    model.save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise FAULTS[fault]

    owner = Path if function == "replace" else os
    monkeypatch.setattr(owner, function, fail)
    with pytest.raises(type(FAULTS[fault])):
        model.set_params(tol=0.2).save(path)
    assert path.read_bytes() == before
    assert names_in(path.parent) == [path.name]
    with pytest.raises(type(FAULTS[fault])):
        model.save(path.with_name("new"))
    assert names_in(path.parent) == [path.name]


def test_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        load(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


def test_truncated_file_says_so(saved):
    content = saved.read_bytes()
    start = re.escape(f"{str(saved)!r} cannot be loaded: ")
    end = "It is truncated or damaged, or no safetensors file at all"
    for length in [*range(0, 64), *range(64, len(content), 97), len(content) - 1]:
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match=start + end):
            load(saved)


def foreign_files():
    yield "longer", b"", b"0"
    yield "zeros", None, bytes(100)
    yield "pickle", None, pickle.dumps(AutoencoderTransformer())
    yield "text", None, b"n_components,tol\n" * 100
    header = b'{"a":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,8]}}'
    yield "claims", None, struct.pack("<Q", len(header)) + header + bytes(8)
    yield "huge header", None, struct.pack("<Q", 2**62) + b"{}"


@pytest.mark.parametrize(("kind", "first", "content"), list(foreign_files()))
def test_other_files_are_refused(saved, kind, first, content):
    before = b"" if first is None else saved.read_bytes()
    saved.write_bytes(before + content)
    with pytest.raises(ValueError, match="no safetensors file at all"):
        load(saved)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("writer", [pickle.dump, torch.save])
def test_pickle_is_not_run(saved, tmp_path, writer):
    with saved.open("wb") as file:
        writer(Trap(tmp_path / "sprung"), file)
    with pytest.raises(ValueError, match="no safetensors file at all"):
        load(saved)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_another_origin_say_so(path, metadata):
    save_file({"weight": np.ones(3, np.float32)}, path, metadata)
    message = (
        "It is a safetensors file, but not one that sklearn_ae.save has "
        "written: its metadata has no entry 'sklearn_ae'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load(path)
