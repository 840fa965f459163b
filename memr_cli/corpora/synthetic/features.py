"""Features of the synthetic corpus, and how they depend on the class of a turn.

Every turn has a position on three axes of affect (arousal, valence, dominance): that of its class,
plus a deviation that all modalities share. Each modality scales these axes in its own proportions,
adds noise and an offset of the speaker, hides them among axes without meaning, and maps all of them
to its dims by a fixed random matrix. The signals differ in where the position enters:

- `pooled`: in every frame of the turn.
- `order`: frames are drawn without regard to the class and then sorted, roughly, along the
  direction of the turn's position. Whatever ignores the order of frames (mean, maximum, length)
  carries no information, and neither does a modality of one vector per turn.
- `dialogue`: in every frame, but with so large a deviation that a single turn says little. Moods
  last for several turns, labelled or not, so neighbours say as much.
- `none`: nowhere.

Shapes: N utterances, D dims, T frames, R latent axes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.synthetic.settings import SESSIONS, Planted, SyntheticSettings
from memr_cli.corpora.synthetic.turns import GENDERS, Turn

AFFECT = ((0.9, -0.9, 0.8), (-0.9, -0.8, -0.8), (0.8, 1.0, 0.2), (-0.5, 0.4, 0.0))
"""Arousal, valence and dominance of each class, in the order of iemocap.CLASSES."""

AMBIGUITY = 0.6
"""Standard deviation of a turn from its class on each axis, in all modalities: no fusion helps."""

FAINTNESS = 1.6
"""The same for the signal `dialogue`: only several turns together reveal the class."""

NUISANCE_AXES = 9


@dataclass(frozen=True)
class Signal:
    """The signal of a modality, in units of the noise on each latent axis."""

    affect: tuple[float, float, float]
    """Distance of the classes along arousal, valence and dominance."""
    speaker_shift: float
    """Standard deviation of a speaker's offset on every axis."""
    frame_noise: float
    """Standard deviation of independent noise on every dim of every frame."""
    relative_length: float
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
    """Return the position (N, 3) of each turn on the axes of affect.

    moods: (N,) of the turns; with None, an unlabelled turn is halfway between two classes.
    """
    axes = np.array(AFFECT)
    if moods is not None:
        return axes[moods] + FAINTNESS * rng.standard_normal((len(turns), axes.shape[1]))
    between = axes[rng.integers(len(axes), size=(len(turns), 2))].mean(axis=1)
    labels = np.array([-1 if turn.label is None else turn.label for turn in turns])
    positions: NDArray[np.float64] = np.where(labels[:, None] >= 0, axes[labels], between)
    return positions + AMBIGUITY * rng.standard_normal(positions.shape)


def sequences(
    modality: str,
    settings: SyntheticSettings,
    turns: Sequence[Turn],
    affect: NDArray[np.float64],
    durations: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[NDArray[np.floating[Any]]]:
    """Yield the features of each turn: (T, D), or (D,) for a modality without sequences."""
    signal, dim = SIGNALS[modality], settings.dim(modality)
    n_axes = affect.shape[1] + NUISANCE_AXES
    spread = rng.standard_normal((n_axes, dim), np.float32)
    shifts = signal.speaker_shift * rng.standard_normal((SESSIONS * len(GENDERS), n_axes))
    latent = rng.standard_normal((len(turns), n_axes))
    latent += shifts[[turn.speaker for turn in turns]]
    shown = affect * np.array(signal.affect)
    if settings.signal in (Planted.POOLED, Planted.DIALOGUE):
        latent[:, : affect.shape[1]] += shown
    lengths = np.maximum(
        1, np.rint(durations * settings.frames * signal.relative_length).astype(int)
    )
    noise = np.float32(signal.frame_noise)
    for axes, direction, length in zip(latent.astype(np.float32), shown, lengths, strict=True):
        # Plain additions: a matrix product may round differently on another machine.
        vector = (axes[:, None] * spread).sum(axis=0)
        frames = rng.standard_normal((int(length), dim), np.float32)
        frames *= noise
        frames += vector
        if settings.signal is Planted.ORDER:
            for along, axis in zip(
                _sorted_frames(len(frames), direction, rng).T, spread, strict=True
            ):
                frames += along[:, None] * axis
        yield (frames if signal.relative_length else frames[0]).astype(signal.dtype)


def _sorted_frames(
    n_frames: int, direction: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return (T, R) positions drawn without regard to `direction` (3,), sorted roughly along it.

    The longer the direction, the closer they follow it.
    """
    n_affect = len(direction)
    positions = rng.standard_normal((n_frames, n_affect + NUISANCE_AXES))
    along = (positions[:, :n_affect] * direction).sum(axis=1) + rng.standard_normal(n_frames)
    frames: NDArray[np.float32] = positions[along.argsort()].astype(np.float32)
    return frames
