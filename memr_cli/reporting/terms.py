"""How results were made, as far as results of one table have to agree in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memr_cli.reporting.values import count, flag, named, text, texts
from memr_cli.results.schema import MOST_SEEDS

_GLOBAL = "global"


@dataclass(frozen=True)
class Terms:
    """Preset, seeds, what was changed from the preset, and what was asked of the features.

    normalize: `global` or `speaker` by modality, for those that a method uses. ensemble: whether
    the probabilities of the seeds are averaged before they are scored.
    """

    preset: str
    seeds: tuple[int, ...]
    overrides: Mapping[str, Any]
    subset: str
    normalize: Mapping[str, str]
    calibrate: str | None
    ensemble: bool = False

    @classmethod
    def parse(cls, preset: str, settings: Mapping[str, Any]) -> "Terms":
        """Read a method's `settings`; without those that came later, features are as they were.

        Raises KeyError, TypeError, ValueError or AttributeError where they are not settings.
        """
        first, n_seeds = count(settings["seed"]), count(settings.get("seeds")) or 1
        if n_seeds > MOST_SEEDS:
            raise ValueError(f"it says that there are {n_seeds} seeds")
        used = texts(settings.get("modalities"))
        normalize = {name: text(how) for name, how in named(settings.get("normalize")).items()}
        calibrate = settings.get("calibrate")
        return cls(
            preset=preset,
            seeds=tuple(range(first, first + n_seeds)),
            overrides=named(settings.get("overrides")),
            subset=text(settings.get("subset")) or "all",
            normalize={**dict.fromkeys(used, _GLOBAL), **normalize},
            calibrate=None if calibrate is None else text(calibrate),
            ensemble=flag(settings.get("ensemble")),
        )

    @property
    def by_speaker(self) -> tuple[str, ...]:
        """The modalities that are normalised by speaker."""
        return tuple(name for name, how in self.normalize.items() if how != _GLOBAL)

    def agree(self, other: "Terms") -> bool:
        """Whether all agrees, normalisation in the modalities that both use."""
        shared = self.normalize.keys() & other.normalize.keys()
        return (
            self.preset == other.preset
            and self.seeds == other.seeds
            and self.overrides == other.overrides
            and self.subset == other.subset
            and self.calibrate == other.calibrate
            and self.ensemble == other.ensemble
            and all(self.normalize[name] == other.normalize[name] for name in shared)
        )
