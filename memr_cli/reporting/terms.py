"""The settings in which results of one table have to agree."""

from collections.abc import Mapping
from dataclasses import dataclass

from memr_cli.results.schema import Value
from memr_cli.results.settings import Settings

_GLOBAL = "global"


@dataclass(frozen=True)
class Terms:
    """Preset, seeds, what was changed from the preset, and what was asked of the features.

    normalize: `global` or `speaker` by modality, for those that a method uses. ensemble: whether
    the probabilities of the seeds are averaged before they are scored.
    """

    preset: str
    seeds: tuple[int, ...]
    overrides: Mapping[str, Value]
    subset: str
    normalize: Mapping[str, str]
    calibrate: str | None
    ensemble: bool = False

    @classmethod
    def of(cls, preset: str, settings: Settings) -> "Terms":
        """Return the terms of a method's settings."""
        return cls(
            preset=preset,
            seeds=settings.all_seeds,
            overrides=settings.overrides,
            subset=settings.subset,
            normalize={
                **dict.fromkeys(settings.modalities, _GLOBAL),
                **settings.normalize,
            },
            calibrate=settings.calibrate,
            ensemble=settings.ensemble,
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
