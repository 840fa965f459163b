"""The structure of an open store: which datasets there are, and whether each is as FORMAT.md says.

None of their content is read, so this is quick at any size. N utterances, D dims.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import h5py
import numpy as np

from store.attributes import foreign_class, read_attribute
from store.hashing import Entry, provenance_sha256
from store.heaps import Heaps
from store.opening import HDF5_ERRORS, brief, refuse_system_error
from store.rules import TEXT_EXPECTED, is_scalar, text_problem
from store.schema import (
    FIELDS,
    MODALITY_FIELDS,
    MODALITY_NAME,
    PLAIN_CLASSES,
    SEQUENCE_FIELDS,
    TEXT,
    Field,
    Scalar,
    kind_of,
)
from store.violations import Rule, Violation

MAX_MEMBERS = 1000
"""How many members a group, and how many attributes the provenance may have."""

_COLUMN_GROUPS = ("utterances", "names", "index")
_GROUPS = (*_COLUMN_GROUPS, "features", "provenance")
_PLAIN = "contiguous or chunked, without filters, in this file"
_TYPES = {h5py.h5o.TYPE_GROUP: h5py.Group, h5py.h5o.TYPE_DATASET: h5py.Dataset}


@dataclass
class Layout:
    """What a look over the structure found.

    `datasets` holds, by path, those that are as they should be; what is wrong with the others is
    in `violations`. Attributes that are missing or wrong are None.
    """

    heaps: Heaps
    n: int | None = None
    """N, the length of the utterance columns"""
    dims: dict[str, int] = field(default_factory=dict)
    """D by modality"""
    datasets: dict[str, h5py.Dataset] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    """What the fingerprint is made of, by path, those of `datasets` that carry a checksum"""
    class_names: tuple[str, ...] | None = None
    synthetic: bool | None = None
    fingerprint: str | None = None
    provenance: dict[str, Scalar] = field(default_factory=dict)
    provenance_seal: object = None
    """The root attribute `provenance_sha256` as it stands there"""
    violations: list[Violation] = field(default_factory=list)
    file_size: int = 0
    """In bytes"""

    def room_for_columns(self, *, as_objects: bool = False) -> int:
        """Bytes of memory that all columns take, or also each text as a Python object."""
        total = 0
        for path, dataset in self.datasets.items():
            if path.endswith(("/pooled", "/sequence/frames")):
                continue  # these are read slab by slab
            n_bytes = dataset.size * dataset.dtype.itemsize
            is_text = kind_of(dataset.id.get_type()) == TEXT
            total += 3 * n_bytes + 100 * dataset.size * is_text if as_objects else n_bytes
        return total

    def report(self, rule: Rule, where: str, found: str, expected: str) -> None:
        """Note a breach; texts of the file that are not UTF-8 are escaped, to be printable."""
        where, found = (
            text.encode("utf-8", "backslashreplace").decode("utf-8") for text in (where, found)
        )
        self.violations.append(Violation(rule, where, found, expected))

    def report_unreadable(self, where: str, error: Exception) -> None:
        """Note that HDF5 cannot read something; raises it again where the system refused."""
        refuse_system_error(error)
        self.report(Rule.READABLE, where, f"HDF5 says: {brief(error)}", "to be readable")


def examine(file: h5py.File) -> Layout:
    """Look over the structure of an open store and collect every breach."""
    layout = Layout(Heaps(file), file_size=file.id.get_filesize())
    _examine_root(file, layout)
    groups = _members(file, "", dict.fromkeys(_GROUPS, h5py.Group), layout)
    if "provenance" in groups:
        _examine_provenance(groups["provenance"], layout)
    columns: dict[str, h5py.Dataset] = {}
    for name in _COLUMN_GROUPS:
        if name in groups:
            columns |= _columns(groups[name], name, layout)
    layout.n = _row_count(columns)
    for spec in FIELDS:
        if spec.path in columns:
            _examine_dataset(spec.path, columns[spec.path], spec, None, layout)
    if "features" in groups:
        _examine_features(groups["features"], layout)
    return layout


def _examine_root(file: h5py.File, layout: Layout) -> None:
    def report(name: str, value: object, expected: str) -> None:
        found = "missing" if value is None else repr(value)
        layout.report(Rule.ROOT_ATTRIBUTE, f"attribute {name}", found, expected)

    readers = {
        "class_names": _class_names,
        "synthetic": _truth,
        "fingerprint": _mark,
        "provenance_sha256": _provenance_seal,
    }
    for name, read in readers.items():
        try:
            value = read_attribute(file, name, layout.heaps)
        except HDF5_ERRORS as error:
            layout.report_unreadable(f"attribute {name}", error)
            continue
        expected = read(value, layout)
        if expected is not None:
            report(name, value, expected)


def _class_names(value: object, layout: Layout) -> str | None:
    """Take the value over; returns what was expected where it is something else."""
    texts: list[Any] = [None]
    if isinstance(value, np.ndarray) and value.ndim == 1:
        texts = value.tolist()
    if not all(isinstance(text, str) for text in texts):
        return "a list of UTF-8 texts"
    # h5py stands bytes that are not UTF-8 in as surrogates.
    problems = [text_problem(text.encode("utf-8", "surrogateescape")) for text in texts]
    for problem in filter(None, problems):
        layout.report(Rule.TEXT_VALID, "attribute class_names", problem, TEXT_EXPECTED)
    if not any(problems):
        layout.class_names = tuple(texts)
    return None


def _truth(value: object, layout: Layout) -> str | None:
    if not isinstance(value, np.bool_):
        return "a truth value"
    layout.synthetic = bool(value)
    return None


def _mark(value: object, layout: Layout) -> str | None:
    if not isinstance(value, str):
        return "a text"
    layout.fingerprint = value
    return None


def _provenance_seal(value: object, layout: Layout) -> str | None:
    layout.provenance_seal = value
    return None


def _examine_provenance(group: h5py.Group, layout: Layout) -> None:
    before = len(layout.violations)
    _members(group, "provenance", {}, layout)
    try:
        if _too_many(len(group.attrs), "provenance attributes", layout):
            return
        values = {name: read_attribute(group, name, layout.heaps) for name in group.attrs}
    except HDF5_ERRORS as error:
        layout.report_unreadable("provenance", error)
        return
    for name, value in values.items():
        plain = value.item() if isinstance(value, np.bool_ | np.number) else value
        if isinstance(name, str) and is_scalar(plain):
            layout.provenance[name] = plain
        else:
            expected = "a UTF-8 text, a truth value, an int64 or a finite float"
            where = f"provenance attribute {name}"
            layout.report(Rule.PROVENANCE_VALUE, where, repr(plain), expected)
    if layout.provenance_seal is not None and len(layout.violations) == before:
        right = provenance_sha256(layout.provenance)
        if layout.provenance_seal != right:
            where, found = "attribute provenance_sha256", str(layout.provenance_seal)
            layout.report(Rule.PROVENANCE_CHECKSUM, where, found, right)


def _columns(group: h5py.Group, name: str, layout: Layout) -> dict[str, h5py.Dataset]:
    """The datasets of a group of columns by path."""
    paths = [spec.path for spec in FIELDS if spec.path.startswith(f"{name}/")]
    expected = {path.removeprefix(f"{name}/"): h5py.Dataset for path in paths}
    found = _members(group, name, expected, layout)
    return {f"{name}/{member}": dataset for member, dataset in found.items()}


def _row_count(columns: Mapping[str, h5py.Dataset]) -> int | None:
    """N: the length of the ids, or of the first utterance column where there are no ids."""
    for spec in FIELDS:
        if spec.shape == ("N",) and spec.path in columns and columns[spec.path].ndim == 1:
            return len(columns[spec.path])
    return None


def _examine_features(features: h5py.Group, layout: Layout) -> None:
    names = _names(features, "features", layout)
    if not names:
        layout.report(Rule.MODALITY_COUNT, "features", "no modality", "at least one")
    for name in names:
        path = f"features/{name}"
        if not MODALITY_NAME.fullmatch(name):
            expected = "a lower-case letter, then lower-case letters, digits and _"
            layout.report(Rule.MODALITY_NAME, path, repr(name), expected)
        group = _member(features, name, path, h5py.Group, layout)
        if group is not None:
            _examine_modality(group, name, path, layout)


def _examine_modality(group: h5py.Group, name: str, path: str, layout: Layout) -> None:
    expected = {spec.path: h5py.Dataset for spec in MODALITY_FIELDS} | {"sequence": h5py.Group}
    members = _members(group, path, expected, layout, optional=("sequence",))
    pooled = members.get("pooled")
    dim = int(pooled.shape[1]) if pooled is not None and pooled.ndim == 2 else None
    for spec in MODALITY_FIELDS:
        if spec.path in members:
            _examine_dataset(f"{path}/{spec.path}", members[spec.path], spec, dim, layout)
    if dim is not None:
        layout.dims[name] = dim
    if "sequence" in members:
        below = f"{path}/sequence"
        wanted = {spec.path: h5py.Dataset for spec in SEQUENCE_FIELDS}
        found = _members(members["sequence"], below, wanted, layout)
        for spec in SEQUENCE_FIELDS:
            if spec.path in found:
                _examine_dataset(f"{below}/{spec.path}", found[spec.path], spec, dim, layout)


def _members(
    group: h5py.Group,
    path: str,
    expected: Mapping[str, type],
    layout: Layout,
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """The members of a group by name, where each is of the expected type."""
    there = _names(group, path or "/", layout)
    prefix = f"{path}/" if path else ""
    found: dict[str, Any] = {}
    for name in there:
        if name not in expected:
            unknown = "not part of the format"
            layout.report(Rule.MEMBER_UNKNOWN, f"{prefix}{name}", unknown, "no such member")
            continue
        member = _member(group, name, f"{prefix}{name}", expected[name], layout)
        if member is not None:
            found[name] = member
    for name, wanted in expected.items():
        if name not in there and name not in optional:
            a_wanted = f"a {wanted.__name__.lower()}"
            layout.report(Rule.MEMBER_MISSING, f"{prefix}{name}", "nothing", a_wanted)
    return found


def _names(group: h5py.Group, where: str, layout: Layout) -> list[str]:
    try:
        if _too_many(len(group), f"{where} members", layout):
            return []
        # h5py hands out a name that is not UTF-8 as bytes; no such name is part of the format.
        return [name if isinstance(name, str) else repr(name) for name in group]
    except HDF5_ERRORS as error:
        layout.report_unreadable(where, error)
        return []


def _too_many(count: int, where: str, layout: Layout) -> bool:
    """Whether there are more than anyone has use for; each would be looked at and told of."""
    if count > MAX_MEMBERS:
        layout.report(Rule.READABLE, where, str(count), f"at most {MAX_MEMBERS}")
    return count > MAX_MEMBERS


def _member(
    group: h5py.Group, name: str, path: str, wanted: type, layout: Layout
) -> h5py.Group | h5py.Dataset | None:
    """One member, never followed out of this place in this file, nor opened if it is foreign."""
    raw = name.encode("utf-8")
    try:
        link = group.id.links.get_info(raw).type
        if link != h5py.h5l.TYPE_HARD:
            found = {h5py.h5l.TYPE_EXTERNAL: "an external link", h5py.h5l.TYPE_SOFT: "a soft link"}
            told = found.get(link, "a user-defined link")
            layout.report(Rule.LINK_HARD, path, told, "a hard link")
            return None
        found_type = _TYPES.get(h5py.h5o.get_info(group.id, raw).type)
        if found_type is not wanted:
            told = "a named type" if found_type is None else f"a {found_type.__name__.lower()}"
            layout.report(Rule.MEMBER_MISSING, path, told, f"a {wanted.__name__.lower()}")
            return None
        member = wanted(h5py.h5o.open(group.id, raw))
        plain = not isinstance(member, h5py.Dataset) or _is_plain(path, member, layout)
    except HDF5_ERRORS as error:
        layout.report_unreadable(path, error)
        return None
    return member if plain else None


def _is_plain(path: str, dataset: h5py.Dataset, layout: Layout) -> bool:
    """Whether a dataset lies in this file as it is; to know so, nothing else of it is looked at."""
    creation = dataset.id.get_create_plist()
    how, found = creation.get_layout(), None
    if how not in (h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        found = "virtual" if how == h5py.h5d.VIRTUAL else "compact"
    elif creation.get_external_count():
        found = "in another file"
    elif creation.get_nfilters():
        found = "with filters"
    if found:
        layout.report(Rule.DATASET_PLAIN, path, found, _PLAIN)
    return found is None


def _examine_dataset(
    path: str, dataset: h5py.Dataset, spec: Field, dim: int | None, layout: Layout
) -> None:
    before = len(layout.violations)
    try:
        stored = dataset.id.get_type()
        if stored.get_class() not in PLAIN_CLASSES:
            layout.report(Rule.DATASET_TYPE, path, foreign_class(stored), spec.kind)
            return
        dtype = stored.dtype
        kind = kind_of(stored)
        if kind != spec.kind:
            layout.report(Rule.DATASET_TYPE, path, kind, spec.kind)
        shape: tuple[int, ...] | None = dataset.shape
        _examine_shape(path, shape, spec, dim, layout)
        _examine_storage(path, dataset, prod(shape or (0,)) * dtype.itemsize, layout)
        seal = read_attribute(dataset, "sha256", layout.heaps)
    except HDF5_ERRORS as error:
        layout.report_unreadable(path, error)
        return
    if len(layout.violations) == before:
        layout.datasets[path] = dataset
        if isinstance(seal, str):
            layout.entries[path] = Entry(spec.kind, shape or (), seal)


def _examine_shape(
    path: str, found: tuple[int, ...] | None, spec: Field, dim: int | None, layout: Layout
) -> None:
    n = layout.n
    known = {"N": n, "N+1": None if n is None else n + 1, "D": dim}
    sizes = [known.get(size) if isinstance(size, str) else size for size in spec.shape]
    shape = found or ()
    fits = len(shape) == len(sizes) and all(
        size in (None, have) for size, have in zip(sizes, shape, strict=True)
    )
    if not fits or (dim == 0 and "D" in spec.shape):
        words = [
            f"{letter} = {size}" if isinstance(letter, str) and size else str(letter)
            for letter, size in zip(spec.shape, sizes, strict=True)
        ]
        layout.report(Rule.DATASET_SHAPE, path, str(found), f"({', '.join(words)})")


def _examine_storage(path: str, dataset: h5py.Dataset, needed: int, layout: Layout) -> None:
    """Whether all bytes of a dataset are there, none of them to be made up by HDF5."""
    stored = dataset.id.get_storage_size()
    rest = layout.file_size - (dataset.id.get_offset() or 0)
    if stored < needed or stored > rest:
        found = (
            f"{stored} bytes, {rest} of them in the file" if stored > rest else f"{stored} bytes"
        )
        layout.report(Rule.DATASET_STORED, path, found, f"{needed} bytes")
