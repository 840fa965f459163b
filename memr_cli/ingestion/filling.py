"""Feature files on their way into a store.

Features are read once, in the order of the store's rows, and go to disk as they come: memory holds
the listing, the few files that are read ahead, and a slab of pooled rows per modality. The dims of
a modality are those of most of its files, which are only known at the end; they are taken to be
those of the first usable file, and only where that one proves to be the odd one is everything read
again.

Shapes: T frames, D dims.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from xxhash import xxh3_128, xxh3_128_digest

from memr_cli import __version__
from memr_cli.corpora.corpus import Corpus
from memr_cli.corpora.features import FeatureProblem, Reason
from memr_cli.corpora.loading import Loaded, Pooled, find, load
from memr_cli.corpora.quoting import show
from memr_cli.corpora.sources import Found
from memr_cli.errors import InputError
from memr_cli.ingestion.reading_ahead import read_ahead
from memr_cli.ingestion.settings import IngestSettings, OnProblem
from memr_cli.progress import Progress
from memr_cli.results.corpus import Problem
from store.utterances import Utterances
from store.writer import StoreWriter


@dataclass(frozen=True)
class _Listed:
    """One feature file to be read for a row of the store."""

    modality: str
    row: int
    source_row: int
    utterance: str
    path: str
    file: Found | FeatureProblem


@dataclass(frozen=True)
class _Example:
    """A usable file that shows what dims a modality has; `shape` (T, D)."""

    path: str
    shape: tuple[int, int]


class _Column:
    """One modality on its way into the store, and what was seen of it.

    Its dims are those of `example`: given, or the first usable file.
    """

    def __init__(self, writer: StoreWriter, modality: str, example: _Example | None) -> None:
        self._writer = writer
        self._modality = modality
        self._example = example
        self._row = 0
        self._dims: Counter[int] = Counter()
        self._examples: dict[int, _Example] = {}
        self.held = False

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
        if not self.held:
            self._writer.add_modality(self._modality, dim)
            self.held = True
        self.skip_to(listed.row)
        frames = pooled.frames
        self._writer.append(self._modality, pooled.vector, pooled.shape[0], frames)
        self._row += 1

    def skip_to(self, row: int) -> None:
        """Mark the rows before `row` that have not come as missing."""
        while self.held and self._row < row:
            self._writer.append(self._modality, None, 0)
            self._row += 1

    def better_example(self) -> _Example | None:
        """A file with the dims of most, where those are not the modality's; a tie is not most."""
        if self._example is None:
            return None
        dim, count = max(self._dims.items(), key=lambda item: item[1])
        return self._examples[dim] if count > self._dims[self._example.shape[1]] else None


class _OddOneFirst(Exception):  # noqa: N818 - not an error
    """The first usable file of a modality has other dims than most; `known` has one of those."""

    def __init__(self, known: Mapping[str, _Example]) -> None:
        super().__init__()
        self.known = known


def write_store(
    path: Path,
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
) -> tuple[Problem, ...]:
    """Write a store of the corpus to `path`; returns the problems in the order of the listing."""
    try:
        return _write_knowing({}, path, corpus, utterances, settings, progress)
    except _OddOneFirst as odd:
        known = odd.known
    return _write_knowing(known, path, corpus, utterances, settings, progress)


def _write_knowing(
    known: Mapping[str, _Example],
    path: Path,
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
) -> tuple[Problem, ...]:
    """As write_store, with files that show the dims; without them, may raise _OddOneFirst."""
    with StoreWriter(
        path,
        utterances,
        corpus.class_names,
        provenance=_provenance(corpus, settings),
        synthetic=corpus.synthetic,
        sequences=settings.sequences,
    ) as writer:
        return _fill(writer, known, corpus, utterances, settings, progress)


def _fill(
    writer: StoreWriter,
    known: Mapping[str, _Example],
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
) -> tuple[Problem, ...]:
    """One pass over all feature files; returns the problems.

    Raises _OddOneFirst where the pass has to be made again, InputError where no modality has a
    usable file or problems are not to be kept.
    """
    columns = {name: _Column(writer, name, known.get(name)) for name in corpus.modalities}
    total = sum(len(utterance.features) for utterance in corpus.utterances)
    source = xxh3_128(xxh3_128_digest(corpus.listing))
    found: list[tuple[_Listed, FeatureProblem]] = []
    with closing(_loaded(corpus, utterances, settings)) as files:
        for listed, loaded in progress(files, "ingest", total=total, unit="file"):
            source.update(xxh3_128_digest(listed.path.encode()) + loaded.digest)
            outcome = loaded.outcome
            if isinstance(outcome, Pooled):
                try:
                    columns[listed.modality].put(listed, outcome)
                except FeatureProblem as problem:
                    outcome = problem
            if isinstance(outcome, FeatureProblem):
                found.append((listed, outcome))
    better = {name: column.better_example() for name, column in columns.items()}
    again = {name: example for name, example in better.items() if example is not None}
    # Only once: files that change while they are read must not keep anyone waiting for ever.
    if again and not known:
        raise _OddOneFirst(again)
    problems = _in_listed_order(found)
    _refuse_problems(problems, total, settings, any(column.held for column in columns.values()))
    for column in columns.values():
        column.skip_to(len(utterances))
    writer.finish({"source": f"xxh3_128:{source.hexdigest()}"})
    return problems


def _loaded(
    corpus: Corpus, utterances: Utterances, settings: IngestSettings
) -> Generator[tuple[_Listed, Loaded], None, None]:
    """The feature files in the order in which rows are written, modality after modality."""

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
                file = find(corpus.source, path)
                yield _Listed(modality, row, source_row, utterance.id, path, file)


def _in_listed_order(found: list[tuple[_Listed, FeatureProblem]]) -> tuple[Problem, ...]:
    """The problems by utterance as listed; those of one utterance in the order of modalities."""
    return tuple(
        Problem(
            utterance=listed.utterance,
            modality=listed.modality,
            path=listed.path,
            reason=str(problem),
            code=str(problem.reason),
        )
        for listed, problem in sorted(found, key=lambda item: item[0].source_row)
    )


def _refuse_problems(
    problems: Sequence[Problem], total: int, settings: IngestSettings, usable: bool
) -> None:
    if usable and (not problems or settings.on_problem is OnProblem.KEEP):
        return
    first = problems[0]
    what = f"{len(problems)} of {total} feature files cannot be used"
    advice = "Mend them, or keep these utterances without the modality by --on-problem keep"
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
