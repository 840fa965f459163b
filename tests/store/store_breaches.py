"""Edits of a valid store that break one rule of FORMAT.md each."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from store_samples import N, put_attribute, replace

from store.rules import Rule

Edit = Callable[[h5py.File], None]
SEQUENCE = "features/visual/sequence"


def put(dataset: str, at: Any, value: Any) -> Edit:
    """Overwrite values in place."""

    def edit(file: h5py.File) -> None:
        file[dataset][at] = value

    return edit


def swap(dataset: str, one: int, other: int) -> Edit:
    def edit(file: h5py.File) -> None:
        values = file[dataset][:]
        values[[one, other]] = values[[other, one]]
        file[dataset][:] = values

    return edit


def remake(dataset: str, change: Callable[[Any], Any], **how: Any) -> Edit:
    """Put a dataset made from the values of the old one in its place."""

    def edit(file: h5py.File) -> None:
        replace(file, dataset, change(file[dataset][()]), **how)

    return edit


def delete(path: str) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[path]

    return edit


def attribute(name: str, value: Any, of: str = "/") -> Edit:
    return lambda file: put_attribute(file[of], name, value)


def foreign_attribute(value: Any, of: str, **how: Any) -> Edit:
    """An attribute `x` of a type or shape that no attribute may have."""
    return lambda file: file[of].attrs.create("x", value, **how)


def link(path: str, to: Any) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[path]
        file[path] = to

    return edit


def delete_attribute(file: h5py.File) -> None:
    del file.attrs["synthetic"]


def link_twice(file: h5py.File) -> None:
    del file["utterances/turn"]  # all -1, as the splits are
    file["utterances/turn"] = file["utterances/split"]


def add_group(file: h5py.File) -> None:
    file.create_group("notes")


def make_virtual(file: h5py.File) -> None:
    source = h5py.VirtualSource("other.h5", "turn", (N,), "<i4")
    layout = h5py.VirtualLayout((N,), "<i4")
    layout[:] = source
    del file["utterances/turn"]
    file.create_virtual_dataset("utterances/turn", layout)


def make_external(file: h5py.File) -> None:
    del file["utterances/turn"]
    file.create_dataset("utterances/turn", (N,), "<i4", external=[("/etc/hostname", 0, 4 * N)])


def make_compact(file: h5py.File) -> None:
    values = file["utterances/turn"][:]
    del file["utterances/turn"]
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((N,))
    made = h5py.h5d.create(file["utterances"].id, b"turn", h5py.h5t.STD_I32LE, space, creation)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def allocate_nothing(file: h5py.File) -> None:
    del file["utterances/turn"]
    file.create_dataset("utterances/turn", (N,), "<i4", fillvalue=3)


def forget_everyone(file: h5py.File) -> None:
    for name, column in file["utterances"].items():
        replace(file, f"utterances/{name}", column[:0], dtype=column.dtype)
    for name, names in file["names"].items():
        replace(file, f"names/{name}", names[:0], dtype=names.dtype)
    for name, ranges in file["index"].items():
        replace(file, f"index/{name}", ranges[:0])
    del file["features/visual"]
    for name, column in file["features/lexical"].items():
        replace(file, f"features/lexical/{name}", column[:0])


def empty_lexical(file: h5py.File) -> None:
    file["features/lexical/present"][:] = False
    file["features/lexical/frames"][:] = 0
    file["features/lexical/pooled"][:] = np.nan


def rename_modality(file: h5py.File) -> None:
    file.move("features/lexical", "features/Lexical")


def forget_modalities(file: h5py.File) -> None:
    del file["features/lexical"], file["features/visual"]


# Each breaks one rule in a store that is sealed again afterwards.
BREACHES: list[tuple[Rule, str, Edit]] = [
    (Rule.MEMBER_MISSING, "index/label", delete("index/label")),
    (Rule.MEMBER_MISSING, "features/lexical/frames", delete("features/lexical/frames")),
    (Rule.MEMBER_MISSING, "provenance", delete("provenance")),
    (Rule.MEMBER_MISSING, f"{SEQUENCE}/offsets", delete(f"{SEQUENCE}/offsets")),
    (Rule.MEMBER_UNKNOWN, "notes", add_group),
    (Rule.MEMBER_UNKNOWN, "names/label", lambda file: file.move("names/split", "names/label")),
    (Rule.LINK_HARD, "index/label", link("index/label", h5py.SoftLink("/index/speaker"))),
    (Rule.LINK_HARD, "features/lexical", link("features/lexical", h5py.SoftLink("/nowhere"))),
    (Rule.LINK_HARD, "utterances/turn", link_twice),
    (Rule.LINK_HARD, "provenance", link("provenance", h5py.ExternalLink("/etc/x.h5", "/"))),
    (
        Rule.DATASET_PLAIN,
        "utterances/turn",
        remake("utterances/turn", lambda values: values, compression="gzip"),
    ),
    (Rule.DATASET_PLAIN, "utterances/turn", make_virtual),
    (Rule.DATASET_PLAIN, "utterances/turn", make_external),
    (Rule.DATASET_PLAIN, "utterances/turn", make_compact),
    (Rule.DATASET_STORED, "utterances/turn", allocate_nothing),
    (
        Rule.DATASET_TYPE,
        "features/lexical/pooled",
        remake("features/lexical/pooled", lambda values: values.astype("f8")),
    ),
    (
        Rule.DATASET_TYPE,
        "utterances/label",
        remake("utterances/label", lambda values: values.astype(">i4")),
    ),
    (
        Rule.DATASET_TYPE,
        "names/dialogue",
        remake("names/dialogue", lambda values: values, dtype=h5py.string_dtype()),
    ),
    (
        Rule.DATASET_SHAPE,
        "features/lexical/present",
        remake("features/lexical/present", lambda values: values[:-1]),
    ),
    (
        Rule.DATASET_SHAPE,
        "features/lexical/pooled",
        remake("features/lexical/pooled", lambda values: values[:, :0]),
    ),
    (
        Rule.DATASET_SHAPE,
        f"{SEQUENCE}/frames",
        remake(f"{SEQUENCE}/frames", lambda values: values[:, :2]),
    ),
    (
        Rule.DATASET_SHAPE,
        "index/label",
        remake("index/label", lambda values: values.reshape(-1)),
    ),
    (
        Rule.DATASET_SHAPE,
        "utterances/turn",
        remake("utterances/turn", lambda _: h5py.Empty("<i4")),
    ),
    (Rule.ROOT_ATTRIBUTE, "attribute synthetic", delete_attribute),
    (Rule.ATTRIBUTE_PLAIN, "attribute x", foreign_attribute("x", "/")),
    (Rule.ATTRIBUTE_PLAIN, "provenance attribute x", foreign_attribute("x", "provenance")),
    (Rule.ATTRIBUTE_PLAIN, "names/split attribute x", foreign_attribute([1], "names/split")),
    (
        Rule.ATTRIBUTE_PLAIN,
        "features attribute x",
        foreign_attribute(h5py.Empty("<i4"), "features"),
    ),
    (
        Rule.ATTRIBUTE_PLAIN,
        "index attribute x",
        foreign_attribute(np.zeros((), [("a", "<i4")]), "index"),
    ),
    (Rule.ATTRIBUTE_PLAIN, "attribute x", foreign_attribute(np.bytes_(b"x" * 32769), "/")),
    (Rule.PROVENANCE_VALUE, "provenance attribute x", attribute("x", 2**63, "provenance")),
    (Rule.PROVENANCE_VALUE, "provenance attribute x", attribute("x", np.nan, "provenance")),
    (Rule.CLASS_NAME_UNIQUE, "names/class", put("names/class", 1, "anger")),
    (Rule.TEXT_VALID, "names/class", put("names/class", 1, "")),
    (Rule.TEXT_VALID, "utterances/id", put("utterances/id", 3, "")),
    (Rule.TEXT_VALID, "names/dialogue", put("names/dialogue", 0, np.bytes_(b"\xff"))),
    (Rule.NAME_SORTED, "names/dialogue", swap("names/dialogue", 0, 1)),
    (Rule.NAME_SORTED, "names/dialogue", put("names/dialogue", 1, "d0")),
    (
        Rule.NAME_USED,
        "names/split",
        remake("names/split", lambda _: np.array([b"test"], h5py.string_dtype(length=4))),
    ),
    (Rule.UTTERANCE_ID_UNIQUE, "utterances/id", put("utterances/id", 3, "Ses01_d0_00é")),
    (Rule.UTTERANCE_CODE_RANGE, "utterances/session", put("utterances/session", 3, 2)),
    (Rule.UTTERANCE_CODE_RANGE, "utterances/dialogue", put("utterances/dialogue", 3, -2)),
    (Rule.UTTERANCE_CODE_RANGE, "utterances/split", put("utterances/split", 3, 0)),
    (Rule.UTTERANCE_TURN_RANGE, "utterances/turn", put("utterances/turn", 3, -2)),
    (Rule.UTTERANCE_SOURCE_ROW, "utterances/source_row", put("utterances/source_row", 11, 12)),
    (Rule.UTTERANCE_ORDER, "utterances", swap("utterances/source_row", 2, 3)),
    (Rule.INDEX_SPEAKER, "index/speaker", put("index/speaker", (1, 0), 3)),
    (Rule.INDEX_SPEAKER, "index/speaker", remake("index/speaker", lambda values: values[1:])),
    (Rule.INDEX_LABEL, "index/label", swap("index/label", 0, 1)),
    (Rule.INDEX_LABEL, "index/label", put("index/label", (0, 2), 4)),
    (Rule.MODALITY_COUNT, "features", forget_modalities),
    (Rule.MODALITY_NAME, "features/Lexical", rename_modality),
    (Rule.MODALITY_PRESENT, "features/lexical/present", empty_lexical),
    (Rule.FRAMES_PRESENT, "features/lexical/frames", put("features/lexical/frames", 0, 0)),
    (Rule.FRAMES_PRESENT, "features/lexical/frames", put("features/lexical/frames", 1, 2)),
    (Rule.POOLED_FINITE, "features/lexical/pooled", put("features/lexical/pooled", (0, 1), np.inf)),
    (Rule.POOLED_FINITE, "features/lexical/pooled", put("features/lexical/pooled", 0, np.nan)),
    (Rule.POOLED_MISSING, "features/lexical/pooled", put("features/lexical/pooled", (1, 1), 0)),
    (Rule.SEQUENCE_OFFSETS, f"{SEQUENCE}/offsets", put(f"{SEQUENCE}/offsets", 3, 1)),
    (
        Rule.SEQUENCE_OFFSETS,
        f"{SEQUENCE}/offsets",
        remake(f"{SEQUENCE}/offsets", lambda values: values + 1),
    ),
    (
        Rule.SEQUENCE_OFFSETS,
        f"{SEQUENCE}/offsets",
        remake(f"{SEQUENCE}/frames", lambda values: np.append(values, values[:1], axis=0)),
    ),
    (Rule.SEQUENCE_FINITE, f"{SEQUENCE}/frames", put(f"{SEQUENCE}/frames", (4, 0), np.nan)),
]

# Each breaks one rule, and has to stay unsealed to do so.
UNSEALED: list[tuple[Rule, str, Edit]] = [
    (Rule.CHECKSUM, "names/split attribute sha256", attribute("sha256", "0" * 64, "names/split")),
    (
        Rule.CHECKSUM,
        "features/lexical/pooled attribute sha256",
        lambda file: file["features/lexical/pooled"].attrs.pop("sha256"),
    ),
    (Rule.FINGERPRINT, "attribute fingerprint", attribute("fingerprint", "sha256:0")),
    (Rule.FINGERPRINT, "attribute fingerprint", attribute("synthetic", np.False_)),
    (Rule.ROOT_ATTRIBUTE, "attribute fingerprint", attribute("fingerprint", 7)),
    (
        Rule.PROVENANCE_CHECKSUM,
        "attribute provenance_sha256",
        attribute("pooling", "max", "provenance"),
    ),
    (
        Rule.PROVENANCE_CHECKSUM,
        "attribute provenance_sha256",
        lambda file: file["provenance"].attrs.pop("files"),
    ),
    (
        Rule.PROVENANCE_CHECKSUM,
        "attribute provenance_sha256",
        attribute("provenance_sha256", 7),
    ),
    (
        Rule.PROVENANCE_CHECKSUM,
        "attribute provenance_sha256",
        lambda file: file.attrs.pop("provenance_sha256"),
    ),
]
