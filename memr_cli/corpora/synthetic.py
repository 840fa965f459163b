"""A made-up corpus in IEMOCAP's shape, written in the layout `coursework`.

Ten speakers in five sessions of two talk in dialogues. Every turn has a place among three axes of
affect (arousal, valence, dominance) that its class fixes; each modality shows these axes in its own
proportions, blurred by noise, shifted by speaker, hidden among axes that mean nothing, and spread
over its dims by a fixed random map. So the modalities differ in how much they tell, and complement
one another. What a turn shows does not depend on its neighbours, nor on the order of its frames.

Shapes: N utterances, D dims, T frames, R latent axes, C classes.
"""

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.choices import MODALITIES, SESSIONS, SyntheticSettings
from memr_cli.corpora.classes import IEMOCAP_CLASSES
from memr_cli.corpora.coursework import FEATURE_COLUMNS, LISTING, REQUIRED, SYNTHETIC_MARK
from memr_cli.corpora.sinks import open_sink
from memr_cli.errors import UsageError
from memr_cli.progress import Progress

__all__ = ["SyntheticSettings", "write_corpus"]

GENDERS = "FM"
CLASS_COUNTS = (328, 272, 352, 384)
"""Labelled turns by class in the default size, in the order of IEMOCAP_CLASSES; 1,336 in all."""

AFFECT = ((0.9, -0.9, 0.8), (-0.9, -0.8, -0.8), (0.8, 1.0, 0.2), (-0.5, 0.4, 0.0))
"""Arousal, valence and dominance of each class, in the order of IEMOCAP_CLASSES."""

AMBIGUITY = 0.6
"""How far a turn strays from its class on each axis, in all modalities alike: what no fusion mends.
"""

NUISANCE_AXES = 9


@dataclass(frozen=True)
class Signal:
    """How a modality shows affect; lengths are in units of the noise on each latent axis."""

    affect: tuple[float, float, float]
    """How far the classes lie apart along arousal, valence and dominance."""
    speaker_shift: float
    """Standard deviation of a speaker's own offset on every axis."""
    frame_noise: float
    """Standard deviation of independent noise on every dim of every frame."""
    frames_per_beat: float
    """Frames relative to `SyntheticSettings.frames`; 0 for one vector instead of a sequence."""
    dtype: str


SIGNALS = {
    "visual": Signal((0.4, 0.9, 0.2), 0.5, 1.0, 1.0, "<f2"),
    "acoustic": Signal((2.4, 0.3, 1.1), 0.4, 1.0, 2.0, "<f4"),
    "lexical": Signal((0.8, 2.4, 1.3), 0.1, 1.0, 0.0, "<f4"),
}


@dataclass(frozen=True)
class Turn:
    """One utterance before it has features. `label` is None where unlabelled."""

    id: str
    speaker: int
    session: int
    dialogue: str
    turn: int
    label: int | None


def write_corpus(folder: Path, settings: SyntheticSettings, progress: Progress) -> dict[str, Any]:
    """Write the corpus into `folder`, which is made; returns what was written, in figures.

    The listing is written last, so that nobody takes part of a corpus for all of it; after an
    exception the folder is left as it was found. Raises UsageError where the folder holds files
    already, OSError where the system refuses.
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


def _write(folder: Path, settings: SyntheticSettings, progress: Progress) -> dict[str, Any]:
    streams = np.random.SeedSequence(settings.seed).spawn(2 + len(MODALITIES))
    rng, absence, *rest = (np.random.default_rng(stream) for stream in streams)
    turns = _turns(settings, rng)
    affect = _affect(turns, rng)
    beats = 0.2 + 2.4 * rng.random(len(turns)) ** 2  # how long each turn lasts; mean 1
    present = absence.random((len(turns), len(MODALITIES))) >= settings.missing
    features = {
        modality: _sequences(modality, settings, turns, affect, beats, generator)
        for modality, generator in zip(MODALITIES, rest, strict=True)
    }
    (folder / SYNTHETIC_MARK).write_text(_mark(settings), encoding="utf-8")
    rows = []
    written = files = 0
    with open_sink(folder, settings.archive) as sink:
        for i, turn in enumerate(progress(turns, "synth", total=len(turns), unit="utterance")):
            paths = {}
            for m, modality in enumerate(MODALITIES):
                frames = next(features[modality])
                if present[i, m]:
                    place = f"{modality}_features/Session{turn.session}/{turn.id}.npy"
                    paths[modality] = f"/features/{place}"
                    written += sink.save(f"features/{place}", frames)
                    files += 1
            rows.append(_row(turn, paths))
    (folder / LISTING).write_text(_listing(rows), encoding="utf-8", newline="")
    return {
        "synthetic": True,
        "utterances": len(turns),
        "labelled": sum(turn.label is not None for turn in turns),
        "speakers": len({turn.speaker for turn in turns}),
        "sessions": len({turn.session for turn in turns}),
        "dialogues": len({turn.dialogue for turn in turns}),
        "files": files,
        "bytes": written,
        "settings": asdict(settings),
    }


def _turns(settings: SyntheticSettings, rng: np.random.Generator) -> list[Turn]:
    """Dialogues of 16 to 40 turns, improvised and scripted in turn, session after session."""
    labels = iter(_labels(settings, rng))
    turns: list[Turn] = []
    for session in range(1, SESSIONS + 1):
        left = settings.utterances * session // SESSIONS - len(turns)
        number = 0
        while left > 0:
            length = min(left, int(rng.integers(16, 41)))
            dialogue = _dialogue_name(session, number)
            # The speakers mostly alternate; now and then one goes on.
            gender = np.cumsum(rng.random(length) < 0.8) % 2
            said = [0, 0]
            for turn, who in enumerate(gender):
                identity = f"{dialogue}_{GENDERS[who]}{said[who]:03d}"
                said[who] += 1
                speaker = who * SESSIONS + session - 1
                turns.append(Turn(identity, int(speaker), session, dialogue, turn, next(labels)))
            left -= length
            number += 1
    return turns


def _dialogue_name(session: int, number: int) -> str:
    """As IEMOCAP names them: the first letter says who of the two wore the markers."""
    scenario = number // 4 + 1
    kind = f"script{scenario:02d}_1" if number % 2 else f"impro{scenario:02d}"
    return f"Ses{session:02d}{GENDERS[number // 2 % 2]}_{kind}"


def _labels(settings: SyntheticSettings, rng: np.random.Generator) -> list[int | None]:
    """A label or None for each turn, in random order, in the shares of CLASS_COUNTS."""
    labelled = round(settings.utterances * (1 - settings.unlabelled))
    edges = np.rint(np.cumsum(CLASS_COUNTS) / sum(CLASS_COUNTS) * labelled).astype(int)
    labels: list[int | None] = [None] * (settings.utterances - labelled)
    for label, count in enumerate(np.diff(edges, prepend=0)):
        labels += [label] * int(count)
    return [labels[i] for i in rng.permutation(settings.utterances)]


def _affect(turns: list[Turn], rng: np.random.Generator) -> NDArray[np.float64]:
    """Where each turn lies among the axes of affect, (N, 3); unlabelled between two classes."""
    axes = np.array(AFFECT)
    between = axes[rng.integers(len(axes), size=(len(turns), 2))].mean(axis=1)
    labels = np.array([-1 if turn.label is None else turn.label for turn in turns])
    places: NDArray[np.float64] = np.where(labels[:, None] >= 0, axes[labels], between)
    return places + AMBIGUITY * rng.standard_normal(places.shape)


def _sequences(
    modality: str,
    settings: SyntheticSettings,
    turns: list[Turn],
    affect: NDArray[np.float64],
    beats: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[NDArray[np.floating[Any]]]:
    """Features of each turn in order: (T, D), or (D,) for a modality without sequences."""
    signal, dim = SIGNALS[modality], settings.dim(modality)
    n_axes = affect.shape[1] + NUISANCE_AXES
    spread = rng.standard_normal((n_axes, dim), np.float32)
    shifts = signal.speaker_shift * rng.standard_normal((SESSIONS * len(GENDERS), n_axes))
    latent = rng.standard_normal((len(turns), n_axes))
    latent += shifts[[turn.speaker for turn in turns]]
    latent[:, : affect.shape[1]] += affect * np.array(signal.affect)
    lengths = np.maximum(1, np.rint(beats * settings.frames * signal.frames_per_beat).astype(int))
    noise = np.float32(signal.frame_noise)
    for axes, length in zip(latent.astype(np.float32), lengths, strict=True):
        # Summed by plain additions: a matrix product may round differently from machine to machine.
        vector = (axes[:, None] * spread).sum(axis=0)
        frames = rng.standard_normal((int(length), dim), np.float32)
        frames *= noise
        frames += vector
        yield (frames if signal.frames_per_beat else frames[0]).astype(signal.dtype)


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
    lines = [f"{name} = {value}" for name, value in asdict(settings).items()]
    balance = zip(IEMOCAP_CLASSES, CLASS_COUNTS, strict=True)
    shares = ", ".join(f"{name} {count}" for name, count in balance)
    return (
        "This corpus is synthetic. Its numbers come from a random generator, not from people: no\n"
        "score reached on it says anything about emotion recognition. It has IEMOCAP's shape, so\n"
        "that memr can be tried without a licensed corpus.\n\n"
        f"Of {sum(CLASS_COUNTS)} labelled turns: {shares}.\n"
        "Made by `memr synth` with\n\n" + "\n".join(lines) + "\n"
    )
