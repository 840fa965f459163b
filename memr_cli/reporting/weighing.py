"""The modality weights of a method, as the report shows them: by utterance, or once a fold.

Letter: G modalities that a method uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from memr_cli.results import evaluation

Weights = Mapping[str, float]
"""By modality; of one utterance, or as a mean of several, they sum to 1."""


@dataclass(frozen=True)
class ModalityWeights:
    """Means over the `n` predictions of utterances that have all G modalities.

    by_class: how many predictions and their means by true class, of the classes that have any.
    """

    modalities: tuple[str, ...]
    n: int
    mean: Weights
    by_class: Mapping[str, tuple[int, Weights]]

    @classmethod
    def of(cls, found: evaluation.ModalityWeights | None) -> "ModalityWeights | None":
        """Return what the report shows; None where no utterance has every modality."""
        if found is None or not found.n:
            return None
        names = found.modalities
        return cls(
            modalities=names,
            n=found.n,
            mean={name: found.mean[name] for name in names},
            by_class={
                label: (int(one["n"]), {name: one[name] for name in names})
                for label, one in found.by_class.items()
                if one.get("n")
            },
        )

    def ends(self, modality: str) -> tuple[tuple[float, str], tuple[float, str]]:
        """The lowest and the highest mean weight of a modality, each with its class."""
        found = [(weights[modality], label) for label, (_, weights) in self.by_class.items()]
        return min(found), max(found)


@dataclass(frozen=True)
class Fusion:
    """What a combination learned in one fold with one seed, from `n` validation rows.

    weights: by modality; None where it learned something else. learned: whether the rows were
    enough to learn anything.
    """

    n: int
    weights: Weights | None
    learned: bool = True

    @classmethod
    def of(cls, found: evaluation.Fusion) -> "Fusion":
        """Return what the report shows of it."""
        weights = found.parameters.get("weights")
        return cls(found.n, weights if isinstance(weights, dict) else None, found.fitted)
