"""Opening a store, and the test of its structure: members, types, shapes and attributes.

No values of datasets are read, so this is quick at any size. N utterances, D dims.
"""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from store.errors import (
    HDF5_ERRORS,
    NotAStoreError,
    StoreDamagedError,
    StoreMissingError,
    StoreTooNewError,
    StoreTooOldError,
    damage_named,
    damaged,
    ingest_again,
)
from store.hdf5 import (
    Foreign,
    PlainFile,
    attribute_path,
    examine_attributes,
    examine_members,
    read_attribute,
)
from store.integrity import Entry, chain_violations, provenance_sha256
from store.rules import Rule, Violation, Violations, is_scalar
from store.schema import (
    FIELDS,
    FORMAT_NAME,
    FORMAT_VERSION,
    MODALITY_FIELDS,
    MODALITY_NAME,
    OLDEST_VERSION,
    SEQUENCE_FIELDS,
    SIGNATURE,
    TEXT,
    Field,
    Scalar,
    kind_of,
)

_GROUPS = ("utterances", "names", "index", "features", "provenance")
_EARLIER_ATTRIBUTES = (b"class_names", b"synthetic", b"fingerprint")


def open_file(path: Path) -> h5py.File:
    """Open a store of a version that this package reads, read-only and without a lock.

    Raises StoreMissingError, NotAStoreError, StoreDamagedError, StoreTooNewError or
    StoreTooOldError; OSError where the system refuses.
    """
    _refuse_other_files(path)
    with damage_named(path):
        try:
            file = h5py.File(path, "r", locking=False)
        except FileNotFoundError as error:  # removed since it was looked at
            raise _missing(path) from error
    try:
        with damage_named(path):
            _refuse_other_formats(path, file)
    except BaseException:
        file.close()
        raise
    return file


@dataclass
class Structure:
    """The parts of a store that are as they should be, and what is wrong with the others.

    Attributes that are missing or wrong are None.
    """

    members: PlainFile
    n: int | None = None
    """N, the length of the utterance columns"""
    dims: dict[str, int] = field(default_factory=dict)
    """D by modality"""
    datasets: dict[str, h5py.Dataset] = field(default_factory=dict)
    """Those that break no rule, by path"""
    entries: dict[str, Entry] = field(default_factory=dict)
    """The parts of the fingerprint, by path: those of `datasets` that have a checksum"""
    synthetic: bool | None = None
    fingerprint: str | None = None
    provenance: dict[str, Scalar] = field(default_factory=dict)

    @property
    def violations(self) -> Violations:
        """All violations found so far."""
        return self.members.violations

    def chain_violations(self) -> list[Violation]:
        """Violations that keep the fingerprint from following from the stated checksums."""
        synthetic = bool(self.synthetic)
        return chain_violations(self.datasets, self.entries, synthetic, self.fingerprint)

    def memory_for_columns(self, *, as_objects: bool = False) -> int:
        """Bytes of memory for all columns, or also for each text as a Python object."""
        total = 0
        for path, dataset in self.datasets.items():
            if path.endswith(("/pooled", "/sequence/frames")):
                continue  # these are read slab by slab
            n_bytes = dataset.size * dataset.dtype.itemsize
            is_text = kind_of(dataset.id.get_type()) == TEXT
            total += 3 * n_bytes + 100 * dataset.size * is_text if as_objects else n_bytes
        return total


def examine(file: h5py.File) -> Structure:
    """Test the structure of an open store and collect all violations.

    Raises OSError for an error of the system.
    """
    members = examine_members(file)
    examine_attributes(file, members)
    structure = Structure(members)
    modalities = _modalities(structure)
    _compare_members(structure, modalities)
    _examine_root(file, structure)
    if "provenance" in members.groups:
        _examine_provenance(file, members.groups["provenance"], structure)
    structure.n = _row_count(members)
    for spec in FIELDS:
        _examine_dataset(spec.path, spec, None, structure)
    for name in modalities:
        path = f"features/{name}"
        pooled = members.datasets.get(f"{path}/pooled")
        dim = int(pooled.shape[1]) if pooled is not None and pooled.ndim == 2 else None
        if dim is not None:
            structure.dims[name] = dim
        for specs, folder in ((MODALITY_FIELDS, path), (SEQUENCE_FIELDS, f"{path}/sequence")):
            for spec in specs:
                _examine_dataset(f"{folder}/{spec.path}", spec, dim, structure)
    return structure


def _modalities(structure: Structure) -> list[str]:
    """The names of all modalities, those reported that must not be one."""
    folders = [path.split("/") for path in structure.members.paths]
    names = [parts[1] for parts in folders if parts[0] == "features" and len(parts) == 2]
    if not names:
        structure.violations.report(Rule.MODALITY_COUNT, "features", "no modality", "at least one")
    for name in names:
        if not MODALITY_NAME.fullmatch(name):
            expected = "a lower-case letter, then lower-case letters, digits and _"
            structure.violations.report(
                Rule.MODALITY_NAME, f"features/{name}", repr(name), expected
            )
    return names


def _compare_members(structure: Structure, modalities: list[str]) -> None:
    """Report members that are unknown, missing, or a group in place of a dataset."""
    members = structure.members
    expected: dict[str, str] = dict.fromkeys(_GROUPS, "a group")
    expected |= {spec.path: "a dataset" for spec in FIELDS}
    there = set(members.paths)
    for name in modalities:
        path = f"features/{name}"
        expected[path] = "a group"
        expected |= {f"{path}/{spec.path}": "a dataset" for spec in MODALITY_FIELDS}
        if f"{path}/sequence" in there:
            expected[f"{path}/sequence"] = "a group"
            expected |= {f"{path}/sequence/{spec.path}": "a dataset" for spec in SEQUENCE_FIELDS}
    kinds = dict.fromkeys(members.groups, "a group") | dict.fromkeys(members.datasets, "a dataset")
    for path in kinds.keys() - expected.keys():
        if _parent(path) in {"", *expected}:
            rule, unknown = Rule.MEMBER_UNKNOWN, "not part of the format"
            structure.violations.report(rule, path, unknown, "no such member")
    for path, wanted in expected.items():
        found = kinds.get(path, "nothing")
        known = path in members.refused or _parent(path) not in {"", *members.groups}
        if found != wanted and not known:
            structure.violations.report(Rule.MEMBER_MISSING, path, found, wanted)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _examine_root(file: h5py.File, structure: Structure) -> None:
    synthetic = _attribute(file, "", "synthetic", structure)
    mark = _attribute(file, "", "fingerprint", structure)
    structure.synthetic = synthetic if isinstance(synthetic, bool) else None
    structure.fingerprint = mark if isinstance(mark, str) else None
    for name, value, kind in (("synthetic", synthetic, bool), ("fingerprint", mark, str)):
        if not isinstance(value, kind | Foreign):
            found = "missing" if value is None else repr(value)
            expected = "a bool" if kind is bool else "a text"
            structure.violations.report(Rule.ROOT_ATTRIBUTE, f"attribute {name}", found, expected)


def _attribute(
    thing: h5py.Group | h5py.Dataset, path: str, name: str | bytes, structure: Structure
) -> Any:
    """Read an attribute; one that HDF5 cannot read is reported, and Foreign."""
    try:
        return read_attribute(thing, name)
    except HDF5_ERRORS as error:
        structure.violations.report_unreadable(attribute_path(path, str(name)), error)
        return Foreign("unreadable")


def _examine_provenance(file: h5py.File, group: h5py.Group, structure: Structure) -> None:
    before = len(structure.violations)
    try:
        names = list(group.attrs)
    except HDF5_ERRORS as error:
        structure.violations.report_unreadable("provenance", error)
        return
    for name in names:
        value = _attribute(group, "provenance", name, structure)
        if isinstance(name, str) and is_scalar(value):
            structure.provenance[name] = value
        elif not isinstance(value, Foreign):
            expected = "a UTF-8 text, a bool, an int64 or a finite float"
            where = attribute_path("provenance", str(name))
            structure.violations.report(Rule.PROVENANCE_VALUE, where, repr(value), expected)
    if len(structure.violations) == before and len(names) == len(structure.provenance):
        stated = _attribute(file, "", "provenance_sha256", structure)
        right = provenance_sha256(structure.provenance)
        if stated != right and not isinstance(stated, Foreign):
            where, found = "attribute provenance_sha256", str(stated or "missing")
            structure.violations.report(Rule.PROVENANCE_CHECKSUM, where, found, right)


def _row_count(members: PlainFile) -> int | None:
    """N: the length of the ids, or of the first utterance column where there are no ids."""
    for spec in FIELDS:
        column = members.datasets.get(spec.path)
        if spec.shape == ("N",) and column is not None and column.ndim == 1:
            return len(column)
    return None


def _examine_dataset(path: str, spec: Field, dim: int | None, structure: Structure) -> None:
    """Test type and shape of a dataset, and read its checksum."""
    dataset = structure.members.datasets.get(path)
    if dataset is None:
        return
    before = len(structure.violations)
    try:
        kind = kind_of(dataset.id.get_type())
        shape: tuple[int, ...] | None = dataset.shape
        seal = _attribute(dataset, path, "sha256", structure)
    except HDF5_ERRORS as error:
        structure.violations.report_unreadable(path, error)
        return
    if kind != spec.kind:
        structure.violations.report(Rule.DATASET_TYPE, path, kind, spec.kind)
    _examine_shape(path, shape, spec, dim, structure)
    if len(structure.violations) == before:
        structure.datasets[path] = dataset
        if isinstance(seal, str):
            structure.entries[path] = Entry(spec.kind, shape or (), seal)


def _examine_shape(
    path: str, found: tuple[int, ...] | None, spec: Field, dim: int | None, structure: Structure
) -> None:
    n = structure.n
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
        structure.violations.report(Rule.DATASET_SHAPE, path, str(found), f"({', '.join(words)})")


def _refuse_other_files(path: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise NotAStoreError(_not_a_store(path, f"it is {kind}"))
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except OSError as error:
        if error.filename is None and error.errno:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    if start != SIGNATURE:
        why = "it is empty" if not start else "it is not an HDF5 file"
        raise NotAStoreError(_not_a_store(path, why))


def _missing(path: Path) -> StoreMissingError:
    command = f"memr ingest RAW --store {shlex.quote(str(path))}"
    return StoreMissingError(f"There is no store at {path}. Make one with `{command}`.")


def _not_a_store(path: Path, why: str) -> str:
    return (
        f"{path} is not a memr store: {why}. Name a store with --store PATH, "
        f"or make one elsewhere with `memr ingest RAW --store PATH`."
    )


def _refuse_other_formats(path: Path, file: h5py.File) -> None:
    name, version = read_attribute(file, "format"), read_attribute(file, "format_version")
    earlier = f"{path} was written by an earlier development build of memr. {ingest_again(path)}"
    if isinstance(name, Foreign) and version == 1 and _has_earlier_attributes(file):
        raise StoreTooOldError(earlier)
    if name != FORMAT_NAME:
        found = "no attribute `format`" if name is None else f"`format` {name!r}"
        why = f"it is an HDF5 file with {found}, expected {FORMAT_NAME!r}"
        raise NotAStoreError(_not_a_store(path, why))
    if isinstance(version, bool) or not isinstance(version, int):
        why = f"its attribute `format_version` is {version!r}, expected an integer"
        raise StoreDamagedError(damaged(path, why))
    if version > FORMAT_VERSION:
        raise StoreTooNewError(
            f"{path} has format version {version}; this memr reads up to {FORMAT_VERSION}. "
            f"Upgrade memr, or make it again in the older format with "
            f"`memr ingest RAW --store {shlex.quote(str(path))} --overwrite`."
        )
    if version < OLDEST_VERSION:
        raise StoreTooOldError(earlier)


def _has_earlier_attributes(file: h5py.File) -> bool:
    """Recognise version 1, whose texts had variable length, by the names of its attributes."""
    return all(h5py.h5a.exists(file.id, name) for name in _EARLIER_ATTRIBUTES)
