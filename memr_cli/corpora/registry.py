"""The registry of layouts. A new layout is a module, and one entry of `OWN`.

Other packages add layouts by entry points of the group `memr.layouts`, each of which names an
object with the attributes of `Layout`. Their code is loaded only where a layout of theirs is named
or listed, or where no layout of memr recognises a corpus.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from memr_cli.corpora import coursework
from memr_cli.corpora.corpus import Corpus, Layout
from memr_cli.errors import MemrError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "memr.layouts"

OWN: tuple[Layout, ...] = (coursework.LAYOUT,)
"""memr's own layouts, in the order in which they are tried."""

Notice = Callable[[str], None]
"""Receives a sentence about each layout of another package that cannot be used."""


def _ignore(sentence: str) -> None:
    pass


def layouts(notice: Notice = _ignore) -> dict[str, Layout]:
    """Return every usable layout by name, memr's own first."""
    found = {layout.name: layout for layout in OWN}
    for name, point in _entry_points().items():
        if name not in found:
            try:
                found[name] = _load(point)
            except UnsupportedError as error:
                notice(str(error))
    return found


def layout_of(raw: Path, name: str | None, notice: Notice = _ignore) -> Layout:
    """Return the layout of this name, or without a name the first that recognises `raw`.

    Where none recognises it, return memr's first, whose errors say what it expects. Raises
    UsageError for an unknown name, UnsupportedError for a layout that cannot be used.
    """
    if name is None:
        recognised = next((layout for layout in OWN if layout.recognises(raw)), None)
        return recognised or _recognised_by_others(raw, notice) or OWN[0]
    own, points = {layout.name: layout for layout in OWN}, _entry_points()
    if name in own:
        return own[name]
    if name in points:
        return _load(points[name])
    raise UsageError(f"there is no layout {name}; --layout takes {', '.join({**own, **points})}.")


def _recognised_by_others(raw: Path, notice: Notice) -> Layout | None:
    for layout in layouts(notice).values():
        try:
            if layout not in OWN and layout.recognises(raw):
                return layout
        except UnsupportedError as error:
            notice(str(error))
    return None


@dataclass(frozen=True)
class _Installed:
    """A layout of another package; what its code raises becomes an UnsupportedError."""

    name: str
    description: str
    source: str
    module: str
    layout: Layout

    def recognises(self, raw: Path) -> bool:
        try:
            return bool(self.layout.recognises(raw))
        except Exception as error:
            _refuse(self.name, self.module, error)

    def read(self, raw: Path, class_names: Sequence[str] | None, max_file_size: int) -> Corpus:
        try:
            corpus = self.layout.read(raw, class_names, max_file_size)
            if not isinstance(corpus, Corpus):
                raise TypeError("read returned no Corpus")
        except Exception as error:
            _refuse(self.name, self.module, error)
        return corpus


def _entry_points() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points  # slow to load

    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: "EntryPoint") -> Layout:
    try:
        layout = point.load()
        texts = (layout.description, layout.source)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("description and source have to be text")
        if not (callable(layout.recognises) and callable(layout.read)):
            raise TypeError("recognises and read have to be functions")
    except (Exception, SystemExit) as error:
        _refuse(point.name, point.value, error)
    return _Installed(point.name, *texts, point.value, layout)


def _refuse(name: str, module: str, error: BaseException) -> NoReturn:
    """Raise UnsupportedError, or the error itself where it is memr's or the system's."""
    if isinstance(error, MemrError | OSError | MemoryError):
        raise error
    raise UnsupportedError(
        f"layout {name} of another package ({module}) cannot be used: {type(error).__name__}: "
        f"{error}. Repair, update or uninstall the package, or choose a layout with --layout."
    ) from error
