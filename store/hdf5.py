"""HDF5 files from strangers: only what is plain is opened, and only single values are read.

Links to other files, filters, values of variable length and virtual datasets make HDF5 parse much
that can be forged. Each is recognised by its link, its storage or its type, before anything behind
it is read. Nothing here is specific to stores.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import h5py
import numpy as np

from store.errors import HDF5_ERRORS
from store.rules import Rule, Violations
from store.schema import Scalar, text_type

MAX_MEMBERS = 1000
"""Most members of a group, and most attributes of a group or dataset."""

MAX_OBJECTS = 10_000
"""Most groups and datasets of a file."""

MAX_ATTRIBUTE_BYTES = 2**15

_CLASSES = {
    h5py.h5t.COMPOUND: "compound",
    h5py.h5t.REFERENCE: "reference",
    h5py.h5t.OPAQUE: "opaque",
    h5py.h5t.VLEN: "variable-length",
    h5py.h5t.ARRAY: "array",
    h5py.h5t.BITFIELD: "bit field",
    h5py.h5t.TIME: "time",
}
_PLAIN_CLASSES = {h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM}
_PLAIN_TYPE = "text of fixed length, integer, float or bool"
_PLAIN_STORAGE = "contiguous or chunked, without filters, in this file"
_LINKS = {
    h5py.h5l.TYPE_EXTERNAL: "an external link",
    h5py.h5l.TYPE_SOFT: "a soft link",
}


@dataclass(frozen=True)
class Foreign:
    """Replaces an attribute value that is not a single text, number or bool."""

    found: str

    def __repr__(self) -> str:
        return self.found


@dataclass
class PlainFile:
    """The plain groups and datasets of a file by path, without a leading `/`."""

    file_size: int
    """In bytes"""
    groups: dict[str, h5py.Group] = field(default_factory=dict)
    datasets: dict[str, h5py.Dataset] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Members that are not plain"""
    violations: Violations = field(default_factory=Violations)

    @property
    def paths(self) -> list[str]:
        """All members, plain or not."""
        return [*self.groups, *self.datasets, *self.refused]


def examine_members(file: h5py.File) -> PlainFile:
    """Walk over an open HDF5 file and sort its members; reads no values.

    Links, storage and types of all members are tested, as by the rules under "Structure". Works
    on any HDF5 file. Raises OSError for an error of the system.
    """
    found = PlainFile(file.id.get_filesize())
    seen = {h5py.h5o.get_info(file.id).addr}
    groups = [("", file)]
    for path, group in groups:  # grows on the way
        for name in _names(path, group, found):
            member_path = f"{path}/{name}" if path else name
            if len(seen) > MAX_OBJECTS:
                most = f"at most {MAX_OBJECTS} groups and datasets"
                found.violations.report(Rule.READABLE, "/", "more groups and datasets", most)
                return found
            try:
                member = _opened(group, name, member_path, seen, found)
            except HDF5_ERRORS as error:
                found.violations.report_unreadable(member_path, error)
                member = None
            if isinstance(member, h5py.Group):
                found.groups[member_path] = member
                groups.append((member_path, member))
            elif member is not None:
                found.datasets[member_path] = member
            else:
                found.refused.add(member_path)
    return found


def examine_attributes(file: h5py.File, found: PlainFile) -> None:
    """Report attributes of the file and its plain members that are not plain; reads no values."""
    for path, thing in [("", file), *found.groups.items(), *found.datasets.items()]:
        try:
            count = h5py.h5a.get_num_attrs(thing.id)
            if count > MAX_MEMBERS:
                where = f"{path or '/'} attributes"
                found.violations.report(Rule.READABLE, where, str(count), f"at most {MAX_MEMBERS}")
                continue
            for number in range(count):
                attribute = h5py.h5a.open(thing.id, index=number)
                foreign = _foreign_attribute(attribute.get_type(), attribute.get_space())
                if foreign is not None:
                    name = attribute.name.decode("utf-8", "surrogateescape")
                    expected = f"one {_PLAIN_TYPE} of at most {MAX_ATTRIBUTE_BYTES} bytes"
                    where = attribute_path(path, name)
                    found.violations.report(Rule.ATTRIBUTE_PLAIN, where, foreign, expected)
        except HDF5_ERRORS as error:
            found.violations.report_unreadable(f"{path or '/'} attributes", error)


def attribute_path(path: str, name: str) -> str:
    """The name of an attribute in violations."""
    return f"{path} attribute {name}".lstrip()


def read_attribute(thing: h5py.Group | h5py.Dataset, name: str | bytes) -> Any:
    """Read an attribute: str, bool, int, float, or Foreign; None where there is none.

    The type is tested before anything is read. Bytes of a text that are not UTF-8 come as
    surrogates. Raises one of HDF5_ERRORS where HDF5 cannot read it.
    """
    raw = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if not h5py.h5a.exists(thing.id, raw):
        return None
    attribute = h5py.h5a.open(thing.id, raw)
    stored, space = attribute.get_type(), attribute.get_space()
    foreign = _foreign_attribute(stored, space)
    if foreign is not None:
        return Foreign(foreign)
    value = np.empty((), stored.dtype)
    attribute.read(value, stored)
    plain = value.item()
    return plain.decode("utf-8", "surrogateescape") if isinstance(plain, bytes) else plain


def write_attribute(thing: h5py.Group | h5py.Dataset, name: str, value: Scalar) -> None:
    """Write an attribute that `read_attribute` reads; a text gets a type of fixed length."""
    if isinstance(value, str):
        raw = value.encode("utf-8")
        thing.attrs[name] = np.array(raw, dtype=text_type(len(raw)))
    else:
        thing.attrs[name] = value


def foreign_type(stored: h5py.h5t.TypeID) -> str | None:
    """Describe a type that is not a text of fixed length, integer, float or enumeration."""
    kind = stored.get_class()
    if kind not in _PLAIN_CLASSES:
        return f"{_CLASSES.get(kind, 'unknown')} type"
    if kind == h5py.h5t.STRING and stored.is_variable_str():
        return "variable-length text"
    return None


def _names(path: str, group: h5py.Group, found: PlainFile) -> Iterator[str]:
    """The names of the members of a group, those that are not UTF-8 reported."""
    try:
        if len(group) > MAX_MEMBERS:
            where = f"{path or '/'} members"
            found.violations.report(Rule.READABLE, where, str(len(group)), f"at most {MAX_MEMBERS}")
            return
        names = list(group)
    except HDF5_ERRORS as error:
        found.violations.report_unreadable(path or "/", error)
        return
    for name in names:
        if isinstance(name, str):
            yield name
        else:  # h5py returns a name that is not UTF-8 as bytes
            where = f"{path}/{name!r}" if path else repr(name)
            found.violations.report(
                Rule.MEMBER_UNKNOWN, where, "a name that is not UTF-8", "no such member"
            )


def _opened(
    group: h5py.Group, name: str, path: str, seen: set[int], found: PlainFile
) -> h5py.Group | h5py.Dataset | None:
    """Open one member if it is plain; its link is tested before it is followed."""
    raw = name.encode("utf-8")
    link = group.id.links.get_info(raw).type
    if link != h5py.h5l.TYPE_HARD:
        what = _LINKS.get(link, "a user-defined link")
        found.violations.report(Rule.LINK_HARD, path, what, "a hard link")
        return None
    about = h5py.h5o.get_info(group.id, raw)
    if about.addr in seen:
        found.violations.report(
            Rule.LINK_HARD, path, "a second link to the same object", "one link to it"
        )
        return None
    seen.add(about.addr)
    if about.type == h5py.h5o.TYPE_GROUP:
        return h5py.Group(h5py.h5o.open(group.id, raw))
    if about.type != h5py.h5o.TYPE_DATASET:
        found.violations.report(Rule.MEMBER_UNKNOWN, path, "a named type", "a group or dataset")
        return None
    dataset = h5py.Dataset(h5py.h5o.open(group.id, raw))
    wrong = _foreign_storage(dataset) or _foreign_values(dataset, found.file_size)
    if wrong is not None:
        found.violations.report(wrong[0], path, *wrong[1:])
        return None
    return dataset


def _foreign_storage(dataset: h5py.Dataset) -> tuple[Rule, str, str] | None:
    """The violation of a dataset that is virtual, external, compact or filtered.

    Nothing else of the dataset is looked at: the shape of a virtual one opens other files.
    """
    creation = dataset.id.get_create_plist()
    storage = creation.get_layout()
    if storage not in (h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        wrong = "virtual" if storage == h5py.h5d.VIRTUAL else "compact"
    elif creation.get_external_count():
        wrong = "in another file"
    elif creation.get_nfilters():
        wrong = "with filters"
    else:
        return None
    return Rule.DATASET_PLAIN, wrong, _PLAIN_STORAGE


def _foreign_values(dataset: h5py.Dataset, file_size: int) -> tuple[Rule, str, str] | None:
    """The violation of a dataset whose type is not plain, or whose values are not all there."""
    stored = dataset.id.get_type()
    foreign = foreign_type(stored)
    if foreign is not None:
        return Rule.DATASET_TYPE, foreign, _PLAIN_TYPE
    needed = prod(dataset.shape or (0,)) * stored.get_size()
    size = dataset.id.get_storage_size()
    rest = file_size - (dataset.id.get_offset() or 0)
    if needed <= size <= rest:
        return None
    found = f"{size} bytes, {rest} of them in the file" if size > rest else f"{size} bytes"
    return Rule.DATASET_STORED, found, f"{needed} bytes"


def _foreign_attribute(stored: h5py.h5t.TypeID, space: h5py.h5s.SpaceID) -> str | None:
    foreign = foreign_type(stored)
    if foreign is not None:
        return foreign
    extent = space.get_simple_extent_type()
    if extent != h5py.h5s.SCALAR:
        return "no value" if extent == h5py.h5s.NULL else "several values"
    size = stored.get_size()
    return f"{size} bytes" if size > MAX_ATTRIBUTE_BYTES else None
