"""All layouts of raw corpora by name. A new one is a module with a layout, and one line here.

Layouts of other packages are entry points of the group `memr.layouts`; each names an object with
the attributes of `Layout`. They are looked for only where memr's own do not recognise a corpus, or
where one is named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memr_cli.corpora import coursework
from memr_cli.corpora.corpus import Corpus
from memr_cli.errors import UnsupportedError, UsageError

GROUP = "memr.layouts"


class Layout(Protocol):
    """A way in which corpora are kept.

    name: what `--layout` calls it. description: one line for people. source: a citation or address.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102

    def recognises(self, raw: Path) -> bool:
        """Return whether the corpus at `raw` is kept so, from a look at its content."""
        ...

    def read(self, raw: Path, class_names: Sequence[str] | None, max_file_size: int) -> Corpus:
        """Read the corpus; its features are read later. Raises InputError and OSError."""
        ...


@dataclass(frozen=True)
class OwnLayout:
    """A layout of memr's own: see `Layout`."""

    name: str
    description: str
    source: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Sequence[str] | None, int], Corpus]


OWN: tuple[Layout, ...] = (
    OwnLayout(
        coursework.LAYOUT,
        "dataset.csv beside features/ or features.zip, an .npy file an utterance and modality",
        'the notebook "Multimodal Emotion Recognition with Feature Fusion"',
        coursework.recognises,
        coursework.read_corpus,
    ),
)
"""In the order in which they are tried."""


def layouts() -> dict[str, Layout]:
    """Return every layout that can be used by name, memr's own first."""
    found = {layout.name: layout for layout in OWN}
    for name in _offered():
        if name not in found:
            try:
                found[name] = _loaded(name)
            except UnsupportedError:
                continue
    return found


def layout_of(raw: Path, name: str | None) -> Layout:
    """Return the layout of this name, or the one that recognises the corpus at `raw`.

    Where none does, it is memr's first, whose errors say what is expected. Raises UsageError for a
    name that no layout has, UnsupportedError for one of another package that cannot be used.
    """
    own = {layout.name: layout for layout in OWN}
    if name is None:
        recognised = (layout for layout in OWN if layout.recognises(raw))
        others = (layout for layout in layouts().values() if layout.recognises(raw))
        return next(recognised, None) or next(others, None) or OWN[0]
    if name in own:
        return own[name]
    if name in _offered():
        return _loaded(name)
    raise UsageError(f"there is no layout {name}; --layout takes {', '.join((*own, *_offered()))}.")


def _offered() -> dict[str, object]:
    from importlib.metadata import entry_points  # slow to load

    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(name: str) -> Layout:
    from importlib.metadata import entry_points

    (point, *_) = entry_points(group=GROUP, name=name)
    try:
        found: Layout = point.load()
        lacking = [part for part in ("recognises", "read") if not callable(getattr(found, part))]
    except Exception as error:
        lacking, reason = [], f"{type(error).__name__}: {error}"
    else:
        if not lacking:
            return found
        reason = f"it lacks {', '.join(lacking)}"
    raise UnsupportedError(
        f"layout {name} of another package ({point.value}) cannot be used: {reason}. Mend, update "
        "or uninstall the package, or name another layout."
    )
