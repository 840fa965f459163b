"""Write a synthetic corpus in the layout `coursework`.

Ten speakers in five sessions of two talk in dialogues. `SyntheticSettings.signal` chooses how
features depend on the class of a turn, and the file SYNTHETIC.txt in the corpus describes it.
Classes and their counts, speakers and layout are the same for every signal.

One seed gives the same bytes everywhere.
"""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora import iemocap
from memr_cli.corpora.coursework import FEATURE_COLUMNS, LISTING, REQUIRED, SYNTHETIC_MARK
from memr_cli.corpora.folders import ARCHIVE
from memr_cli.corpora.synthetic.features import affect_of, sequences
from memr_cli.corpora.synthetic.settings import SESSIONS, Planted, SyntheticSettings
from memr_cli.corpora.synthetic.turns import CLASS_COUNTS, GENDERS, Turn, turns_of, with_moods
from memr_cli.errors import UsageError
from memr_cli.progress import Progress
from memr_cli.vocabulary import MODALITIES

PLANTED = {
    Planted.POOLED: "",
    Planted.ORDER: (
        "The class of a turn is told by the order of its frames alone: what is computed of them\n"
        "regardless of order tells nothing of it, and neither does the lexical modality, which is\n"
        "one vector per turn. A method that pools frames can only guess.\n\n"
    ),
    Planted.DIALOGUE: (
        "Moods last for some turns of a dialogue, and a labelled turn's class is its mood. A turn\n"
        "tells little of it by itself; with those before and after it, labelled or not, it tells\n"
        "more. A method that looks at single turns stays far below one that looks at dialogues.\n\n"
    ),
    Planted.NONE: (
        "Nothing in it depends on the class of a turn: every method can only guess, and a score\n"
        "clearly above guessing shows a fault of what gave it.\n\n"
    ),
}
"""The paragraph about the signal in the mark; none for the default."""


@dataclass(frozen=True)
class Written:
    """Counts of a corpus that was written. bytes: size of its feature files."""

    utterances: int
    labelled: int
    speakers: int
    sessions: int
    dialogues: int
    files: int
    bytes: int


def write_corpus(folder: Path, settings: SyntheticSettings, progress: Progress) -> Written:
    """Write the corpus into `folder`, which is made where it does not exist; return its counts.

    The listing is written last, so that a part of a corpus is never taken for all of it. After an
    exception the folder is as it was before. Raises UsageError where the folder is not empty,
    OSError from the system.
    """
    existed = folder.exists()
    if existed and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a new or empty folder")
    if existed and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name a new or empty folder for the corpus")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _write(folder, settings, progress)
    except BaseException:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not existed:
            folder.rmdir()
        raise


def _write(folder: Path, settings: SyntheticSettings, progress: Progress) -> Written:
    streams = np.random.SeedSequence(settings.seed).spawn(2 + len(MODALITIES))
    rng, absence, *rest = (np.random.default_rng(stream) for stream in streams)
    turns, moods = turns_of(settings, rng), None
    if settings.signal is Planted.DIALOGUE:
        turns, moods = with_moods(turns, rng)
    affect = affect_of(turns, moods, rng)
    durations = 0.2 + 2.4 * rng.random(len(turns)) ** 2  # of turns, with mean 1
    present = absence.random((len(turns), len(MODALITIES))) >= settings.missing
    features = {
        modality: sequences(modality, settings, turns, affect, durations, generator)
        for modality, generator in zip(MODALITIES, rest, strict=True)
    }
    (folder / SYNTHETIC_MARK).write_text(_mark(settings), encoding="utf-8")
    rows = []
    sizes = []
    with _saving(folder, settings.archive) as save:
        for i, turn in enumerate(progress(turns, "synth", total=len(turns), unit="utterance")):
            paths = {}
            for m, modality in enumerate(MODALITIES):
                frames = next(features[modality])
                if present[i, m]:
                    path = f"features/{modality}_features/Session{turn.session}/{turn.id}.npy"
                    paths[modality] = f"/{path}"
                    sizes.append(save(path, frames))
            rows.append(_row(turn, paths))
    (folder / LISTING).write_text(_listing(rows), encoding="utf-8", newline="")
    return Written(
        utterances=len(turns),
        labelled=sum(turn.label is not None for turn in turns),
        speakers=len({turn.speaker for turn in turns}),
        sessions=len({turn.session for turn in turns}),
        dialogues=len({turn.dialogue for turn in turns}),
        files=len(sizes),
        bytes=sum(sizes),
    )


Save = Callable[[str, NDArray[Any]], int]
"""Writes an array as `.npy` to a path within the corpus; returns its length in bytes."""


@contextmanager
def _saving(folder: Path, archive: bool) -> Iterator[Save]:
    """Yield a function that saves to files in `folder`, or to members of `features.zip` there."""
    if not archive:
        yield partial(_save_file, folder)
        return
    with zipfile.ZipFile(folder / ARCHIVE, "x") as file:
        yield partial(_save_member, file)


def _save_file(folder: Path, path: str, frames: NDArray[Any]) -> int:
    target = folder / path
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True)
    try:
        return target.write_bytes(_npy(frames))
    except OSError as error:  # the error of a full disk has no path
        raise OSError(error.errno, error.strerror, str(target)) from error


def _save_member(archive: zipfile.ZipFile, path: str, frames: NDArray[Any]) -> int:
    content = _npy(frames)
    # A fixed time and system, so that one seed gives one file; random numbers do not compress.
    info = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, zipfile.ZIP_STORED)
    return len(content)


def _npy(frames: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, frames, allow_pickle=False)
    return stream.getvalue()


def _row(turn: Turn, paths: dict[str, str]) -> list[str]:
    gender, session = divmod(turn.speaker, SESSIONS)
    values = {column: paths.get(modality, "") for modality, column in FEATURE_COLUMNS.items()}
    label = "" if turn.label is None else str(turn.label)
    speaker = f"{GENDERS[gender]}{session + 1:02d}"
    return [turn.id, speaker, *values.values(), label, turn.dialogue, str(turn.turn)]


def _listing(rows: list[list[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*REQUIRED, "dialogue", "turn"])
    writer.writerows(rows)
    return text.getvalue()


def _mark(settings: SyntheticSettings) -> str:
    facts = asdict(settings)
    if settings.signal is Planted.POOLED:  # the default is not mentioned
        del facts["signal"]
    lines = [f"{name} = {value}" for name, value in facts.items()]
    balance = zip(iemocap.CLASSES, CLASS_COUNTS, strict=True)
    shares = ", ".join(f"{name} {count}" for name, count in balance)
    return (
        "This corpus is synthetic. Its numbers come from a random generator, not from people: no\n"
        "score reached on it says anything about emotion recognition. It has IEMOCAP's shape, so\n"
        "that memr can be tried without a licensed corpus.\n\n"
        f"{PLANTED[settings.signal]}"
        f"Of {sum(CLASS_COUNTS)} labelled turns: {shares}.\n"
        "Made by `memr synth` with\n\n" + "\n".join(lines) + "\n"
    )
