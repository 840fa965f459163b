"""What a method of another package looks like, and what memr shows it.

An entry point of the group `memr.methods` names a class like `Classifier`; the class need not
inherit from it or import memr at all. docs/plugins.md has a whole package.

Letters: n utterances shown, D features of a modality, C classes, T frames of an utterance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Utterances:
    """n utterances as a method is shown them: copies, which are its own.

    features: (n, D) for each modality it uses, float32; each feature has mean 0 and spread 1 over
    the rows that the model trains on, and is 0 where the modality is missing. present: (n,) for
    each, where it is not missing. speaker, dialogue: (n,) codes, equal for who and what is the
    same. turn: (n,) which turn of its dialogue an utterance is, from 0.
    """

    features: Mapping[str, Features]
    present: Mapping[str, NDArray[np.bool_]]
    speaker: NDArray[np.int64]
    dialogue: NDArray[np.int64]
    turn: NDArray[np.int64]
    _read_frames: Callable[[str], list[Features]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.speaker)

    @property
    def matrix(self) -> Features:
        """All features side by side: (n, sum of all D)."""
        return np.hstack(list(self.features.values()))

    def frames(self, modality: str) -> list[Features]:
        """The frames (T, D) of each utterance, read when asked for; T is 0 where it has none.

        They are shifted and scaled as `features` are. Raises LookupError for a method that does not
        say that it needs frames.
        """
        return self._read_frames(modality)


class Classifier(Protocol):
    """What the class has. It is made without arguments, once for each fold and seed.

    It may say, as attributes of the class:
    modalities: "any" (the default), all that the store holds; "several", all that it holds, at
    least two; or a tuple of those it needs, such as ("acoustic", "lexical").
    needs: a tuple of "frames", "dialogues" or both; by default nothing. With "dialogues" it is
    shown whole dialogues, turn after turn, where y is -1 for turns that it is not to learn from.
    """

    summary: str
    """What it is, in a few words."""

    def fit(
        self,
        X: Utterances,  # noqa: N803 - as scikit-learn has it
        y: NDArray[np.int64],
        *,
        n_classes: int,
        seed: int,
        validation: tuple[Utterances, NDArray[np.int64]] | None,
    ) -> Any:
        """Learn from utterances and their classes y (n,), from 0 to C - 1; what it returns is lost.

        In preset `default` it is called twice on one object: on a part of the training speakers,
        with the others as `validation`, to choose whatever is to be chosen; then on all of them,
        with None. What the first call keeps in attributes of its own, the second finds. In preset
        `original` it is called once, with None. Test utterances are never among these, but as turns
        without a class in the dialogues of training utterances, where it needs dialogues.

        seed: from 0 to 2**32 - 1, for all that is random.
        """
        ...

    def predict_proba(self, X: Utterances) -> NDArray[np.floating[Any]]:  # noqa: N803
        """(n, C) the probability of every class, also of those that training lacked: rows sum to 1.

        Of an utterance, and of its dialogue where it needs dialogues; never of the others in X. In
        preset `default` a few validation rows are asked for twice, among others and with few, and a
        method whose answers differ is refused. It is asked of the training rows too, for a loss.
        """
        ...

    def to_arrays(self) -> Mapping[str, Any]:
        """All that `predict_proba` needs, as numbers or arrays by name; kept as float32."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Features]) -> "Classifier":
        """One that predicts as the one did that gave these arrays, now float32."""
        ...
