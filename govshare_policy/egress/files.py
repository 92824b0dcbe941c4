# SPDX-License-Identifier: Apache-2.0
"""The sorted files of an index: written aside, synced, renamed, and mapped when read.

A file is a header of one JSON line, the arrays, and an HMAC-SM3 over all of it and its name. It
is checked whole before anything in it is believed.
"""

import json
import mmap
import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.egress.runs import RELEASE, Loose, Run
from govshare_policy.egress.tags import Mac
from govshare_policy.errors import ConfigError, VerificationError

MAC_BYTES: Final = 32
_ALIGN: Final = 64
_CHUNK: Final = 1 << 20
_RUN_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "tags": np.dtype("<u8"),
    "rows": np.dtype("<u4"),
    "fields": np.dtype("u1"),
    "bits": np.dtype("u1"),
    "bloom": np.dtype("<u8"),
    "releases": RELEASE,
    "descriptions": np.dtype("u1"),
}
_QUICK_TYPES: Final[dict[str, np.dtype[Any]]] = {"quick": np.dtype("<u4"), "first": np.dtype("<u4")}
Arrays = dict[str, "np.ndarray[Any, np.dtype[Any]]"]


def write_run(disk: Disk, path: Path, part: Loose, *, mac: Mac) -> None:
    """Write *part* to *path* and ``<path>.quick``; both are on the disk when this returns.

    Raises:
        OSError: If either is not. Nothing of the index refers to them yet.
    """
    run = part.run
    arrays: Arrays = {name: getattr(run, name) for name in _RUN_TYPES if name != "descriptions"}
    arrays["descriptions"] = np.frombuffer(run.descriptions, dtype="u1")
    _write(disk, path, arrays, mac=mac)
    _write(disk, _quick_path(path), {"quick": part.quick, "first": part.first}, mac=mac)


def load_run(path: Path, *, mac: Mac) -> Run:
    """Return the run in the file at *path*, mapped.

    Raises:
        VerificationError: If it is not what was written.
        ConfigError: If it cannot be read.
    """
    arrays = _load(path, _RUN_TYPES, mac=mac)
    descriptions = memoryview(arrays.pop("descriptions").data)
    return Run(**arrays, descriptions=descriptions)


def load_loose(path: Path, run: Run, *, mac: Mac) -> Loose:
    """Return *run*, which was loaded from *path*, with its quick hashes."""
    return Loose(run=run, **_load(_quick_path(path), _QUICK_TYPES, mac=mac))


def verify_run(path: Path, *, mac: Mac) -> None:
    """Return only if both files of a run are what was written.

    Raises:
        VerificationError: If one is not.
        ConfigError: If one cannot be read.
    """
    for each in (path, _quick_path(path)):
        _verify(each, mac)


def remove_run(disk: Disk, path: Path) -> None:
    """Remove both files of a run."""
    for each in (path, _quick_path(path)):
        if each.exists():
            disk.remove(each)


def _quick_path(path: Path) -> Path:
    return path.with_name(path.name + ".quick")


def _write(disk: Disk, path: Path, arrays: Arrays, *, mac: Mac) -> None:
    header = json.dumps({name: array.size for name, array in arrays.items()}).encode() + b"\n"
    inner = mac.inner.copy()
    inner.update(path.name.encode() + b"\n")
    beside = path.with_name(path.name + ".tmp")
    fd = disk.create_beside(beside)
    try:
        at = 0
        for part in (header, *(array.tobytes() for array in arrays.values())):
            padded = part + bytes(-len(part) % _ALIGN)
            inner.update(padded)
            disk.write_all(fd, padded, at)
            at += len(padded)
        disk.write_all(fd, mac.finish(inner), at)
        disk.datasync(fd)
    finally:
        disk.close(fd)
    disk.rename(beside, path)
    disk.sync_dir(path.parent)


def _load(path: Path, types: dict[str, np.dtype[Any]], *, mac: Mac) -> Arrays:
    size = _verify(path, mac)
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ConfigError(f"cannot read the index file `{path}`: {describe(error)}") from None
    end = mapped.find(b"\n") + 1
    sizes = json.loads(mapped[:end])
    at = end + -end % _ALIGN
    arrays: Arrays = {}
    for name, kind in types.items():
        arrays[name] = np.frombuffer(mapped, dtype=kind, count=sizes[name], offset=at)
        at += sizes[name] * kind.itemsize
        at += -at % _ALIGN
    return arrays


def _verify(path: Path, mac: Mac) -> int:
    """Return the size of the file at *path*, which is what was written."""
    inner = mac.inner.copy()
    inner.update(path.name.encode() + b"\n")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            left = size - MAC_BYTES
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                inner.update(chunk)
                left -= len(chunk)
            found = file.read(MAC_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the index file `{path}`: {describe(error)}") from None
    if left or found != mac.finish(inner):
        raise VerificationError(f"the index file `{path}` is not what was written")
    return size
