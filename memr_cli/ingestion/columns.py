"""Write the features of a corpus into a store.

Features are read once, in the order of the store's rows, and written as they arrive: memory holds
the listing, the few files that are read ahead, and a slab of pooled rows per modality. The dims of
a modality are those of most of its files, which is known only at the end. They are assumed to be
those of the first usable file; only where that assumption fails is everything read again.

Shapes: T frames, D dims.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from xxhash import xxh3_128, xxh3_128_digest

from memr_cli import __version__
from memr_cli.corpora.corpus import Corpus
from memr_cli.corpora.features import FeatureProblem, Found, Loaded, Pooled, Reason, load
from memr_cli.errors import InputError
from memr_cli.files.visible import show
from memr_cli.ingestion.settings import IngestSettings, OnProblem
from memr_cli.progress import Progress
from memr_cli.results.corpus import Problem
from store.utterances import Utterances
from store.writer import StoreWriter

T = TypeVar("T")
R = TypeVar("R")

SMALL_BYTES = 256 * 2**10
"""A smaller file is loaded without a thread, which would cost more than it saves."""

AHEAD_BYTES = 256 * 2**20
"""Most bytes of files that are read ahead together; a single larger file is read alone."""

MAX_THREADS = 8
"""More threads would wait for memory and disk."""


def write_store(
    path: Path,
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
) -> tuple[Problem, ...]:
    """Write a store of the corpus to `path`; return the problems in the order of the listing.

    Raises InputError where no feature file is usable, or where there are problems and the settings
    do not allow any; OSError from the system.
    """
    try:
        return _write(path, corpus, utterances, settings, progress, {})
    except _OtherDims as found:
        examples = found.examples
    return _write(path, corpus, utterances, settings, progress, examples)


@dataclass(frozen=True)
class _Listed:
    """A feature file that the corpus lists for a row of the store."""

    modality: str
    row: int
    source_row: int
    utterance: str
    path: str
    file: Found | FeatureProblem


@dataclass(frozen=True)
class _Example:
    """A usable file that shows the dims of a modality; `shape` (T, D)."""

    path: str
    shape: tuple[int, int]


class _OtherDims(Exception):  # noqa: N818 - not an error
    """Most files of some modalities have other dims than the first; `examples` has one of each."""

    def __init__(self, examples: Mapping[str, _Example]) -> None:
        super().__init__()
        self.examples = examples


class _Column:
    """The column of one modality. Its dims are those of `example`, or of the first usable file."""

    def __init__(self, writer: StoreWriter, modality: str, example: _Example | None) -> None:
        self._writer = writer
        self._modality = modality
        self._example = example
        self._row = 0
        self._dims: Counter[int] = Counter()
        self._examples: dict[int, _Example] = {}
        self.exists = False

    def put(self, listed: _Listed, pooled: Pooled) -> None:
        """Write one row; rows in between are missing. Raises FeatureProblem different-dims."""
        dim = pooled.shape[1]
        self._dims[dim] += 1
        found = self._examples.setdefault(dim, _Example(listed.path, pooled.shape))
        usual = self._example = self._example or found
        if dim != usual.shape[1]:
            raise FeatureProblem(
                Reason.DIFFERENT_DIMS,
                f"has shape {pooled.shape} as (frames, dims); {self._modality} features have "
                f"{usual.shape[1]} dims, as {show(usual.path)} with shape {usual.shape}",
            )
        if not self.exists:
            self._writer.add_modality(self._modality, dim)
            self.exists = True
        self.skip_to(listed.row)
        self._writer.append(self._modality, pooled.vector, pooled.shape[0], pooled.frames)
        self._row += 1

    def skip_to(self, row: int) -> None:
        """Write the rows before `row` that have not been written as missing."""
        while self.exists and self._row < row:
            self._writer.append(self._modality, None, 0)
            self._row += 1

    def better_example(self) -> _Example | None:
        """Return a file with other dims than the column's, if strictly more files have them."""
        if self._example is None:
            return None
        dim, count = max(self._dims.items(), key=lambda item: item[1])
        return self._examples[dim] if count > self._dims[self._example.shape[1]] else None


def _write(
    path: Path,
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
    examples: Mapping[str, _Example],
) -> tuple[Problem, ...]:
    """Read all feature files once; `examples` fix the dims. Raises _OtherDims if it is empty."""
    total = sum(len(utterance.features) for utterance in corpus.utterances)
    source = xxh3_128(xxh3_128_digest(corpus.listing))
    found: list[tuple[int, Problem]] = []
    with StoreWriter(
        path,
        utterances,
        corpus.class_names,
        provenance=_provenance(corpus, settings),
        synthetic=corpus.synthetic,
        sequences=settings.sequences,
    ) as writer:
        columns = {name: _Column(writer, name, examples.get(name)) for name in corpus.modalities}
        with closing(_loaded(corpus, utterances, settings)) as files:
            for listed, loaded in progress(files, "ingest", total=total, unit="file"):
                source.update(xxh3_128_digest(listed.path.encode()) + loaded.digest)
                try:
                    if isinstance(loaded.outcome, FeatureProblem):
                        raise loaded.outcome
                    columns[listed.modality].put(listed, loaded.outcome)
                except FeatureProblem as problem:
                    found.append((listed.source_row, _record(listed, problem)))
        better = {name: column.better_example() for name, column in columns.items()}
        others = {name: example for name, example in better.items() if example is not None}
        # Only once: files that change while they are read must not cause an endless loop.
        if others and not examples:
            raise _OtherDims(others)
        problems = tuple(record for _, record in sorted(found, key=itemgetter(0)))
        _refuse_problems(problems, total, settings, any(col.exists for col in columns.values()))
        for column in columns.values():
            column.skip_to(len(utterances))
        writer.finish({"source": f"xxh3_128:{source.hexdigest()}"})
    return problems


def _loaded(
    corpus: Corpus, utterances: Utterances, settings: IngestSettings
) -> Generator[tuple[_Listed, Loaded], None, None]:
    """Yield the feature files, loaded, in the order of the store's rows, by modality."""

    def size(listed: _Listed) -> int:
        return 0 if isinstance(listed.file, FeatureProblem) else listed.file.size

    def load_listed(listed: _Listed) -> Loaded:
        return load(listed.file, settings.pooling, sequences=settings.sequences)

    return read_ahead(_listed(corpus, utterances), size, load_listed)


def _listed(corpus: Corpus, utterances: Utterances) -> Iterator[_Listed]:
    for modality in corpus.modalities:
        for row, source_row in enumerate(utterances.source_row.tolist()):
            utterance = corpus.utterances[source_row]
            path = utterance.features.get(modality)
            if path is not None:
                file: Found | FeatureProblem
                try:
                    file = corpus.source.find(path)
                except FeatureProblem as problem:
                    file = problem
                yield _Listed(modality, row, source_row, utterance.id, path, file)


def read_ahead(
    items: Iterable[T], size: Callable[[T], int], load: Callable[[T], R]
) -> Generator[tuple[T, R], None, None]:
    """Yield each item with the result of `load`, in the order of `items`.

    Threads run `load` for a few items ahead, whose sizes in bytes are bounded together; `items` and
    `size` are called in the consumer's thread. An exception of `load` is raised in the turn of its
    item. Closing the generator drops what has not begun and waits for the rest, so that no thread
    outlives it: use `contextlib.closing`.
    """
    threads = min(usable_processors(), MAX_THREADS)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-ahead")
    ahead: deque[tuple[T, int, Future[R] | None]] = deque()
    held = 0

    def first() -> tuple[T, R]:
        item, _, loading = ahead[0]
        return item, load(item) if loading is None else loading.result()

    try:
        for item in items:
            n_bytes = size(item)
            # Twice as many as threads, so that no thread waits for a slower one.
            while ahead and (len(ahead) >= 2 * threads or held + n_bytes > AHEAD_BYTES):
                yield first()
                held -= ahead.popleft()[1]
            loading = None if n_bytes < SMALL_BYTES else pool.submit(load, item)
            ahead.append((item, n_bytes, loading))
            held += n_bytes
        while ahead:
            yield first()
            ahead.popleft()
    finally:
        pool.shutdown(cancel_futures=True)


def usable_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _record(listed: _Listed, problem: FeatureProblem) -> Problem:
    """Return a problem without its exception, whose traceback holds the content of the file."""
    return Problem(
        utterance=listed.utterance,
        modality=listed.modality,
        path=listed.path,
        reason=str(problem),
        code=str(problem.reason),
    )


def _refuse_problems(
    problems: Sequence[Problem], total: int, settings: IngestSettings, usable: bool
) -> None:
    if usable and (not problems or settings.on_problem is OnProblem.KEEP):
        return
    first = problems[0]
    what = f"{len(problems)} of {total} feature files cannot be used"
    advice = "Repair them, or keep these utterances without the modality by --on-problem keep"
    if not usable:
        what = f"none of {total} feature files can be used, so there is no modality to store"
        advice = "Check that the paths in the listing and the features belong together"
    raise InputError(
        f"{what}; the first is {first.modality} of {show(first.utterance)}: "
        f"{show(first.path)} {first.reason}. {advice}"
    )


def _provenance(corpus: Corpus, settings: IngestSettings) -> dict[str, str]:
    return {
        "layout": corpus.layout,
        "pooling": str(settings.pooling),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "memr": __version__,
        "numpy": metadata.version("numpy"),
        "h5py": metadata.version("h5py"),
    }
