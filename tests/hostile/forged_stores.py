"""Stores that nobody writes by accident, with checksums that fit wherever there can be any."""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

from forged_bytes import (
    POOLED,
    beyond_the_end,
    in_old_format,
    many_attributes,
    two_signatures,
    user_block,
)
from store_samples import content_fingerprint, put_attribute, replace, seal

Forge = Callable[[Path], None]
HUGE = 2**40
UNSEALABLE = (KeyError, OSError, TypeError, AttributeError, ValueError, RuntimeError)


def edited(edit: Callable[[h5py.File], None]) -> Forge:
    """A store edited through HDF5, its checksums brought up to date as far as it has any."""

    def forge(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            edit(file)
        with contextlib.suppress(*UNSEALABLE):
            seal(path)  # as far as there is anything left to seal

    return forge


def unsealed(edit: Callable[[h5py.File], None]) -> Forge:
    """A store edited through HDF5, its checksums left as they were."""

    def forge(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            edit(file)

    return forge


def put(dataset: str, at: Any, value: Any) -> Forge:
    """Values overwritten in place."""

    def edit(file: h5py.File) -> None:
        file[dataset][at] = value

    return edited(edit)


def linked(path: str, to: Any) -> Forge:
    """A link in the place of a member."""

    def edit(file: h5py.File) -> None:
        del file[path]
        file[path] = to

    return edited(edit)


def attribute(of: str, name: str, value: Any, **how: Any) -> Forge:
    """An attribute of another kind."""
    return edited(lambda file: file[of].attrs.create(name, value, **how))


def remade(dataset: str, values: Any, **how: Any) -> Forge:
    """Another dataset in the place of one."""
    return edited(lambda file: replace(file, dataset, values, **how))


def virtual(source: str, unlimited: bool) -> Forge:
    """Pooled features that are those of another file."""

    def edit(file: h5py.File) -> None:
        shape = file[POOLED].shape
        del file[POOLED]
        ends = (None, shape[1]) if unlimited else shape
        layout = h5py.VirtualLayout(shape, "<f4", maxshape=ends)
        elsewhere = h5py.VirtualSource(source, "x", shape, "<f4", maxshape=ends)
        if unlimited:
            everything = slice(0, h5py.h5s.UNLIMITED)
            layout[everything, :] = elsewhere[everything, :]
        else:
            layout[:] = elsewhere
        file.create_virtual_dataset(POOLED, layout)

    return edited(edit)


def of_type(dataset: str, kind: h5py.h5t.TypeID) -> Forge:
    """A dataset of a type that numpy may not know, its values never written."""

    def edit(file: h5py.File) -> None:
        shape = file[dataset].shape
        del file[dataset]
        group, name = file[dataset.rpartition("/")[0]], dataset.rpartition("/")[2].encode()
        h5py.h5d.create(group.id, name, kind, h5py.h5s.create_simple(shape))

    return unsealed(edit)


def nested(depth: int) -> h5py.h5t.TypeID:
    """A type within a type within a type."""
    kind: h5py.h5t.TypeID = h5py.h5t.STD_I8LE
    for _ in range(depth):
        kind = h5py.h5t.vlen_create(kind)
    return kind


def many_groups(file: h5py.File) -> None:
    for number in range(300):
        file.create_group(f"features/m{number}")


def cyclic(file: h5py.File) -> None:
    file["features/loop"] = file["features"]
    file["features/root"] = file["/"]
    del file["provenance"]
    file["provenance"] = file["/"]


def user_link(file: h5py.File) -> None:
    del file["provenance"]
    file["provenance"] = h5py.ExternalLink("/dev/zero", "/")


def not_utf8(file: h5py.File) -> None:
    h5py.h5g.create(file["features"].id, b"\xff\xfe")
    h5py.h5g.create(file.id, b"\xe9\n\x1b[31m")


def committed(file: h5py.File) -> None:
    file["named"] = np.dtype("<f4")
    shape = file[POOLED].shape
    del file[POOLED]
    file.create_dataset(POOLED, shape, dtype=file["named"])
    file["features/kind"] = np.dtype([("a", "<i4")])


def compound(file: h5py.File) -> None:
    kind = np.dtype([("a", "<i4"), ("b", "S3")])
    for place in ("/", "provenance", POOLED):
        for name in ("class_names", "pooling", "sha256", "fingerprint"):
            file[place].attrs.create(name, np.zeros(2, kind))


def references(file: h5py.File) -> None:
    file.attrs.create("fingerprint", file[POOLED].ref, dtype=h5py.ref_dtype)
    file["provenance"].attrs.create("to", file[POOLED].regionref[:1], dtype=h5py.regionref_dtype)


def huge_claims(size: int) -> Forge:
    """Columns and features of so many rows, which the file holds as a hole."""

    def forge(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            for name, column in list(file["utterances"].items()):
                del file["utterances"][name]
                creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                h5py.h5d.create(
                    file["utterances"].id,
                    name.encode(),
                    h5py.h5t.py_create(column.dtype, logical=True),
                    h5py.h5s.create_simple((size,)),
                    creation,
                )
                put_attribute(file["utterances"][name], "sha256", "0" * 64)

    return forge


def claims(shape: tuple[int, ...], dataset: str = POOLED, **how: Any) -> Forge:
    """A dataset that claims a shape of which nothing is stored."""

    def edit(file: h5py.File) -> None:
        kind = file[dataset].dtype
        del file[dataset]
        file.create_dataset(dataset, shape, dtype=kind, **how)
        put_attribute(file[dataset], "sha256", "0" * 64)

    return unsealed(edit)


def sparse_pooled(path: Path) -> None:
    """One utterance's features that take a terabyte, all of it a hole in the file."""
    with h5py.File(path, "r+") as file:
        n = file[POOLED].shape[0]
        del file[POOLED]
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        group = file["features/lexical"].id
        space = h5py.h5s.create_simple((n, HUGE // 4 // n))
        h5py.h5d.create(group, b"pooled", h5py.h5t.IEEE_F32LE, space, creation)
        put_attribute(file[POOLED], "sha256", "0" * 64)
        put_attribute(file, "fingerprint", content_fingerprint(file))


def other_driver(driver: str, member: str) -> Forge:
    """A file that is but a part of one."""

    def forge(path: Path) -> None:
        folder = path.parent / "parts"
        folder.mkdir(exist_ok=True)
        how = {"memb_size": 2**20} if driver == "family" else {}
        with h5py.File(folder / member, "w", driver=driver, **how) as file:
            put_attribute(file, "format", "memr-store")
            file.attrs["format_version"] = 2
            file["x"] = np.zeros(10)
        first = sorted(folder.iterdir())[0]
        path.write_bytes(first.read_bytes())

    return forge


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def present_features(file: h5py.File, value: float) -> None:
    present = file["features/lexical/present"][:]
    file[POOLED][:] = np.where(present[:, np.newaxis], value, np.nan)


ENUM = h5py.h5t.enum_create(h5py.h5t.STD_I8LE)
ENUM.enum_insert(b"FALSE", 0)
ENUM.enum_insert(b"TRUE", 1)
ENUM.enum_insert(b"MAYBE", 2)

FORGED: dict[str, Forge] = {
    "soft link": linked(POOLED, h5py.SoftLink("/features/acoustic/pooled")),
    "soft link to itself": linked(POOLED, h5py.SoftLink(f"/{POOLED}")),
    "external link": linked("features/lexical", h5py.ExternalLink("elsewhere.h5", "/")),
    "external link to a device": unsealed(user_link),
    "cyclic groups": edited(cyclic),
    "many groups": edited(many_groups),
    "names not UTF-8": edited(not_utf8),
    "virtual": virtual("elsewhere.h5", unlimited=False),
    "virtual, unlimited": virtual("elsewhere.h5", unlimited=True),
    "virtual, from a pipe": virtual("pipe", unlimited=True),
    "committed types": edited(committed),
    "compound attributes": edited(compound),
    "references": edited(references),
    "nested types": of_type(POOLED, nested(500)),
    "reference column": of_type("utterances/label", h5py.h5t.STD_REF_OBJ),
    "opaque column": of_type("utterances/label", h5py.h5t.create(h5py.h5t.OPAQUE, 4)),
    "three truth values": of_type("features/lexical/present", ENUM),
    "complex": remade("features/lexical/frames", np.zeros(40, complex)),
    "no values": claims((40, 3)),
    "claims terabytes": claims((40, HUGE)),
    "claims chunked terabytes": claims((40, HUGE), chunks=(1, 1024)),
    "holds terabytes": sparse_pooled,
    "columns of terabytes": huge_claims(HUGE // 8),
    "columns of gigabytes": huge_claims(2**31),
    "huge text attribute": attribute("provenance", "pooling", np.bytes_(b"x" * 2**20)),
    "huge array attribute": attribute("provenance", "x", np.zeros(2**17)),
    "huge class names": remade(
        "names/class", ["x" * 2**20, "y"], dtype=h5py.string_dtype("utf-8", 2**20)
    ),
    "variable class names": remade("names/class", ["a", "b"], dtype=h5py.string_dtype()),
    "thousands of class names": remade(
        "names/class", [str(i) for i in range(5000)], dtype=h5py.string_dtype("utf-8", 4)
    ),
    "array version": attribute("/", "format_version", [2, 2]),
    "future version": attribute("/", "format_version", 2**62),
    "past version": attribute("/", "format_version", -(2**62)),
    "float version": attribute("/", "format_version", float("nan")),
    "no attributes": edited(lambda file: [file.attrs.__delitem__(name) for name in file.attrs]),
    "signs in class names": remade(
        "names/class", ["a\x1b[31m", "b\nc", "=1+1", "d"], dtype=h5py.string_dtype("utf-8", 8)
    ),
    "NaN provenance": attribute("provenance", "x", float("nan")),
    "infinite present": put(POOLED, 0, np.inf),
    "huge values": edited(lambda file: present_features(file, 3e38)),
    "all equal": edited(lambda file: present_features(file, 0)),
    "codes out of range": put("utterances/speaker", 0, 2**31 - 1),
    "labels out of range": put("utterances/label", 0, -(2**31)),
    "frames that lie": put("features/lexical/frames", slice(None), 2**62),
    "negative frames": put("features/lexical/frames", slice(None), -1),
    "offsets that lie": put("features/lexical/sequence/offsets", slice(1, -1), 2**62),
    "offsets that fall": put("features/lexical/sequence/offsets", 3, -5),
    "an index elsewhere": put("index/speaker", 0, [0, 2**62]),
    "a negative index": put("index/label", 0, [-9, -9, -9]),
    "source rows twice": put("utterances/source_row", slice(None), 0),
    "turns that lie": put("utterances/turn", slice(None), 2**31 - 1),
    "beyond the end": beyond_the_end,
    "many attributes": many_attributes,
    "text of variable length": attribute("provenance", "x", "x"),
    "list of variable length": attribute("/", "class_names", ["a", "b"]),
    "checksum of variable length": unsealed(
        lambda file: file[POOLED].attrs.create("sha256", "0" * 64)
    ),
    "more attributes than anyone needs": edited(
        lambda file: file["provenance"].attrs.update({f"x{i}": i for i in range(1001)})
    ),
    "more groups than anyone needs": edited(
        lambda file: [file["features"].create_group(f"x{i}") for i in range(1001)]
    ),
    "old format": in_old_format,
    "user block": user_block,
    "two signatures": two_signatures,
    "family driver": other_driver("family", "part%d.h5"),
    "split driver": other_driver("split", "part"),
    "pipe": pipe,
    "folder": folder,
    "symbolic loop": loop,
    "device": device,
}
