"""The conditions under which a method decides its test rows.

Coalition number c of a method's M modalities has the modality i where bit i of c is set; 0 has
none, 2^M - 1 all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from memr_cli.vocabulary import MODALITIES

LEVELS = (0.5, 1.0, 2.0, 4.0)
"""Noise, in standard deviations of the training part."""

SHARES = tuple(tenths / 10 for tenths in range(1, 10))
"""The probability with which a modality of an utterance is lost."""

DRAWS = 3
"""Draws of noise and of losses, over which scores are averaged."""

_NOISE, _LOSS, _NOISE_AROUND, _LOSS_AROUND = range(4)
_SEED = 0
"""Noise and losses depend on fold, modality and draw alone: the same for all methods and seeds."""


@dataclass(frozen=True)
class Absent:
    """Only the modalities of a coalition are there: at test time, or throughout if retrained."""

    coalition: int
    retrained: bool = False


@dataclass(frozen=True)
class Noisy:
    """All modalities are there, with noise in one, or in each (None)."""

    modality: str | None
    level: float
    draw: int


@dataclass(frozen=True)
class Lossy:
    """Every utterance has lost one modality, or each of them (None), with the chance `share`."""

    modality: str | None
    share: float
    draw: int


Condition = Absent | Noisy | Lossy


def coalitions(n_modalities: int) -> list[int]:
    """All coalition numbers, by size, then in the order of modalities."""
    places = range(n_modalities)
    return [
        sum(1 << place for place in chosen)
        for size in range(n_modalities + 1)
        for chosen in combinations(places, size)
    ]


def members_of(coalition: int, modalities: Sequence[str]) -> list[str]:
    """The modalities of a coalition."""
    return [name for place, name in enumerate(modalities) if coalition >> place & 1]


def noisy(modalities: Sequence[str]) -> list[Noisy]:
    """Every condition of noise, draw by draw."""
    return [
        Noisy(name, level, draw)
        for draw in range(DRAWS)
        for name in (None, *modalities)
        for level in LEVELS
    ]


def lossy(modalities: Sequence[str]) -> list[Lossy]:
    """Every condition of loss, draw by draw."""
    return [
        Lossy(name, share, draw)
        for draw in range(DRAWS)
        for name in (None, *modalities)
        for share in SHARES
    ]


def noise(
    modality: str, fold: int, draw: int, shape: tuple[int, int], *, around: bool = False
) -> NDArray[np.float32]:
    """Standard normal noise (n, D) for a modality of a fold's test rows, or those around them."""
    kind = _NOISE_AROUND if around else _NOISE
    return _generator(kind, modality, fold, draw).standard_normal(shape, np.float32)


def chances(
    modality: str, fold: int, draw: int, n_rows: int, *, around: bool = False
) -> NDArray[np.float64]:
    """(n,) from 0 to 1: a row loses the modality where the share lost is above this.

    Nested: a row dropped at one share is dropped at every higher share. Rows are a fold's test
    rows, or those around them.
    """
    kind = _LOSS_AROUND if around else _LOSS
    return _generator(kind, modality, fold, draw).random(n_rows)


def _generator(kind: int, modality: str, fold: int, draw: int) -> np.random.Generator:
    number = MODALITIES.index(modality) if modality in MODALITIES else crc32(modality.encode())
    return np.random.default_rng((_SEED, kind, number, fold, draw))
