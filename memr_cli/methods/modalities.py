"""What follows from which modalities a method uses, and which an utterance has."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def alone(name: str, summary: str, modalities: Sequence[str]) -> dict[str, Any]:
    """What changes about a method of this name that is to use these modalities alone."""
    chosen = tuple(modalities)
    return {
        "name": f"{name}@{'+'.join(chosen)}",
        "summary": f"{summary}: {', '.join(chosen)} alone",
        "is_fusion": len(chosen) > 1,
        "choose": lambda _: chosen,
    }


def usable(has: NDArray[np.bool_], *, any_will_do: bool) -> NDArray[np.bool_]:
    """(N,) utterances that have any of what is needed (M, N), or all of it."""
    decide = np.logical_or if any_will_do else np.logical_and
    found: NDArray[np.bool_] = decide.reduce(has)
    return found
