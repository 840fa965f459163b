"""Late fusion: each unimodal classifier decides by itself, and their decisions are combined.

Letters: N utterances, n rows, M members, C classes, S classes that validation rows have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.fusion import Floats, Mask, likeliest_weights, majority, pooled
from memr_cli.methods.fusion import at_least_two
from memr_cli.methods.method import Decision, Fitted, usable
from memr_cli.vocabulary import Preset

FEWEST_ROWS = 20
"""With fewer validation rows than this, nothing is learned."""

Learn = Callable[[Floats, Mask, NDArray[np.int64]], Fitted]
Join = Callable[[Floats, Mask, Fitted], Floats]

STRENGTH = 1.0
"""scikit-learn's `C`: the inverse strength of regularisation.

A smaller one makes little difference with a thousand validation rows, and with forty removes all
that members contribute.
"""

_LEAST = 1e-3
"""Smaller probabilities are raised to this: networks give 1e-20 as readily as 1e-3."""


@dataclass(frozen=True)
class MajorityVote:
    """Each present modality casts one vote; ties go to the lowest class index."""

    name: str = "late"
    summary: str = "a majority vote of the unimodal classifiers"
    is_fusion: bool = True
    votes: bool = True
    learns: bool = False

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """A unimodal method for each modality. Raises UnsupportedError for fewer than two."""
        if len(held) < 2:
            raise UnsupportedError(
                f"method late needs at least two voters, and the store holds {', '.join(held)}. "
                f"Use --method {held[0]}, or ingest a corpus with more modalities."
            )
        return tuple(held)

    def usable(self, members_usable: NDArray[np.bool_], preset: Preset) -> NDArray[np.bool_]:
        """(N,) where any member can vote; with preset original, where all can."""
        return usable(members_usable, any_will_do=preset is not Preset.ORIGINAL)

    def fit(
        self,
        probabilities: NDArray[np.float64],  # noqa: ARG002 - the protocol's signature
        present: NDArray[np.bool_],  # noqa: ARG002
        labels: NDArray[np.int64],  # noqa: ARG002
    ) -> Fitted:
        """Learn nothing: votes are counted."""
        return {}

    def combine(
        self,
        probabilities: NDArray[np.float64],
        present: NDArray[np.bool_],
        fitted: Fitted,  # noqa: ARG002 - the protocol's signature
    ) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        decisions = probabilities.argmax(axis=2)
        winner, shares, tied = majority(decisions, present, probabilities.shape[2])
        return Decision(winner, shares, tied)


@dataclass(frozen=True)
class Combination:
    """A method that joins the class probabilities of the unimodal classifiers.

    `join` computes (n, C) probabilities from those of members present and what `learn` returned.
    `learn` is called where there are FEWEST_ROWS validation rows of two classes or more, and None
    where there is nothing to learn; `join` then gets an empty mapping.
    """

    name: str
    summary: str
    join: Join
    learn: Learn | None = None
    is_fusion: bool = True
    votes: bool = False

    @property
    def learns(self) -> bool:
        """True where it is fitted on validation rows."""
        return self.learn is not None

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """Return the unimodal methods. Raises UnsupportedError for fewer than two modalities."""
        return at_least_two(self.name)(held)

    def usable(self, members_usable: Mask, preset: Preset) -> Mask:
        """(N,) where any member is usable (M, N); with preset original, where all are."""
        return usable(members_usable, any_will_do=preset is not Preset.ORIGINAL)

    def fit(self, probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
        """Learn from members' probabilities (M, n, C) for n rows with labels (n,).

        Returns nothing learned if they are too few or of one class.
        """
        if self.learn is None or labels.size < FEWEST_ROWS or np.unique(labels).size < 2:
            return {}
        return self.learn(probabilities, present, labels)

    def combine(self, probabilities: Floats, present: Mask, fitted: Fitted) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        joined = self.join(probabilities, present, fitted)
        return Decision(joined.argmax(axis=1), joined, np.zeros(len(joined), np.bool_))


def _learned_weights(probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
    """Return `weights` (M,), which sum to 1."""
    return {"weights": likeliest_weights(probabilities, present, labels)}


def _mean(probabilities: Floats, present: Mask, fitted: Fitted) -> Floats:
    """(n, C) the linear opinion pool (Stone 1961) of those present; unweighted if none learned."""
    weights = fitted.get("weights", np.ones(len(present)))
    return pooled(probabilities, present, weights)


def _evidence(probabilities: Floats, present: Mask) -> Floats:
    """(n, M * C) members' log-probabilities side by side, each minus its mean over classes.

    An absent member has zeros, like one for which all classes are equally likely.
    """
    logs = np.log(np.maximum(probabilities, _LEAST))
    logs -= logs.mean(axis=2, keepdims=True)
    logs = np.where(present[..., None], logs, 0.0)
    return np.concatenate(list(logs), axis=1)


def _learned_regression(probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
    """Return `coefficients` (S, M * C) and `intercepts` (S,) of the `classes` (S,) that occur.

    Stacked generalisation: Wolpert (1992), Neural Networks 5.
    """
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=STRENGTH, max_iter=1000, tol=1e-6)
    regression.fit(_evidence(probabilities, present), labels)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(coefficients) == 1:  # of two classes, one has the scores and the other 0
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
    return {
        "classes": regression.classes_.astype(np.float64),
        "coefficients": coefficients,
        "intercepts": intercepts,
    }


def _stacked(probabilities: Floats, present: Mask, fitted: Fitted) -> Floats:
    """(n, C) the regression's probabilities; the mean of those present where nothing is learned.

    A class without validation rows keeps its mean probability; the others share the rest.
    """
    joined = pooled(probabilities, present, np.ones(len(present)))
    if not fitted:
        return joined
    known = fitted["classes"].astype(np.int64)
    scores = _evidence(probabilities, present) @ fitted["coefficients"].T + fitted["intercepts"]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    others = np.setdiff1d(np.arange(joined.shape[1]), known)
    joined[:, known] = shares * (1 - joined[:, others].sum(axis=1, keepdims=True))
    return joined


METHODS = (
    MajorityVote(),
    Combination("late-mean", "the mean of the unimodal classifiers' probabilities", _mean),
    Combination(
        "late-weighted",
        "the mean of the unimodal classifiers' probabilities, one weight for each modality",
        _mean,
        _learned_weights,
    ),
    Combination(
        "late-stack",
        "a logistic regression over the unimodal classifiers' probabilities",
        _stacked,
        _learned_regression,
    ),
)
