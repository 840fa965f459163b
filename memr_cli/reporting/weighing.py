"""How a method weighs modalities, as a metrics file tells it: by utterance, or once a fold.

Letter: G modalities that a method uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memr_cli.reporting.values import count, flag, named, number, some_number, texts
from memr_cli.vocabulary import MODALITIES

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
    def parse(cls, value: Mapping[str, Any] | None) -> "ModalityWeights | None":
        """Read `modality_weights`; None where no utterance has every modality."""
        if not value or not value["n"]:
            return None
        names = modalities(value["modalities"])
        return cls(
            modalities=names,
            n=count(value["n"]),
            mean=_weights(value["mean"], names),
            by_class={
                label: (count(one["n"]), _weights(one, names))
                for label, one in named(value["by_class"]).items()
                if one["n"]
            },
        )

    def ends(self, modality: str) -> tuple[tuple[float, str], tuple[float, str]]:
        """The lowest and the highest mean weight of a modality, each with its class."""
        found = [(weights[modality], label) for label, (_, weights) in self.by_class.items()]
        return min(found), max(found)


def _weights(value: Mapping[str, Any], names: tuple[str, ...]) -> Weights:
    found = {name: some_number(value[name]) for name in names}
    if not all(0 <= weight <= 1 + 1e-6 for weight in found.values()):
        raise ValueError("its weights of modalities are no shares")
    return found


def modalities(value: Any) -> tuple[str, ...]:
    """Names of some modalities, each once. Raises ValueError for anything else."""
    names = texts(value)
    if not names or not set(names) <= set(MODALITIES) or len(set(names)) < len(names):
        raise ValueError("its modalities are not some of memr's, each once")
    return names


@dataclass(frozen=True)
class Fusion:
    """What a combination learned in one fold with one seed, from `n` validation rows.

    weights: by modality; None where it learned something else. learned: whether those rows were
    enough to learn anything.
    """

    n: int
    weights: Weights | None
    learned: bool = True

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Fusion":
        """Read one entry of `fusion`."""
        n, learned = count(value["n"]), flag(value.get("fitted", True))
        weights = value["parameters"].get("weights")
        if not isinstance(weights, dict):
            return cls(n, None, learned)
        known = {name: number(weight) for name, weight in weights.items()}
        return cls(n, {k: w for k, w in known.items() if w is not None}, learned)
