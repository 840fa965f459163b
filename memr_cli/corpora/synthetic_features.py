"""What the turns of the synthetic corpus show: features in which the class is told, or is not.

Every turn has a place among three axes of affect (arousal, valence, dominance) that its class
fixes, and from which it strays in all modalities alike. Each modality shows these axes in its own
proportions, blurred by noise, shifted by speaker, hidden among axes that mean nothing, and spread
over its dims by a fixed random map. Where the class is told:

- `pooled`: the place is in every frame of the turn.
- `order`: frames wander over all axes, with no regard to the class, and are then put in order of
  how far they lie in the direction of the turn's place, roughly. So frames in another order, and
  whatever is computed regardless of order, tell nothing: not means, not maxima, not lengths. A
  modality of one vector per turn tells nothing at all.
- `dialogue`: the place is in every frame, but a turn strays so far from it that it tells little by
  itself. Moods last for some turns, with labels or without, so that its neighbours tell the same.
- `none`: nothing depends on the class.

Shapes: N utterances, D dims, T frames, R latent axes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.synthetic_settings import SESSIONS, Planted, SyntheticSettings
from memr_cli.corpora.synthetic_turns import GENDERS, Turn

AFFECT = ((0.9, -0.9, 0.8), (-0.9, -0.8, -0.8), (0.8, 1.0, 0.2), (-0.5, 0.4, 0.0))
"""Arousal, valence and dominance of each class, in the order of IEMOCAP_CLASSES."""

AMBIGUITY = 0.6
"""How far a turn strays from its class on each axis, in all modalities alike: what no fusion mends.
"""

FAINTNESS = 1.6
"""The same where moods last: so far that only several turns together tell the class."""

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


def affect_of(
    turns: Sequence[Turn], moods: NDArray[np.int64] | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where each turn lies among the axes of affect, (N, 3).

    moods: (N,) of the turns, None where they have none; unlabelled turns then lie between two
    classes.
    """
    axes = np.array(AFFECT)
    if moods is not None:
        return axes[moods] + FAINTNESS * rng.standard_normal((len(turns), axes.shape[1]))
    between = axes[rng.integers(len(axes), size=(len(turns), 2))].mean(axis=1)
    labels = np.array([-1 if turn.label is None else turn.label for turn in turns])
    places: NDArray[np.float64] = np.where(labels[:, None] >= 0, axes[labels], between)
    return places + AMBIGUITY * rng.standard_normal(places.shape)


def sequences(
    modality: str,
    settings: SyntheticSettings,
    turns: Sequence[Turn],
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
    shown = affect * np.array(signal.affect)
    if settings.signal in (Planted.POOLED, Planted.DIALOGUE):
        latent[:, : affect.shape[1]] += shown
    lengths = np.maximum(1, np.rint(beats * settings.frames * signal.frames_per_beat).astype(int))
    noise = np.float32(signal.frame_noise)
    for axes, direction, length in zip(latent.astype(np.float32), shown, lengths, strict=True):
        # Summed by plain additions: a matrix product may round differently from machine to machine.
        vector = (axes[:, None] * spread).sum(axis=0)
        frames = rng.standard_normal((int(length), dim), np.float32)
        frames *= noise
        frames += vector
        if settings.signal is Planted.ORDER:
            for along, axis in zip(_wandering(len(frames), direction, rng).T, spread, strict=True):
                frames += along[:, None] * axis
        yield (frames if signal.frames_per_beat else frames[0]).astype(signal.dtype)


def _wandering(
    n_frames: int, direction: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(T, R) places drawn with no regard to `direction` (3,), then put in order along it, roughly.

    How closely they follow it depends on its length.
    """
    n_affect = len(direction)
    places = rng.standard_normal((n_frames, n_affect + NUISANCE_AXES))
    along = (places[:, :n_affect] * direction).sum(axis=1) + rng.standard_normal(n_frames)
    wandering: NDArray[np.float32] = places[along.argsort()].astype(np.float32)
    return wandering
