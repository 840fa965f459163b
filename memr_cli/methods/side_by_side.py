"""The pooled features of several modalities side by side, as networks are fed with them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset

if TYPE_CHECKING:
    from memr_cli.learning.pooled import PooledInputs


def side_by_side(
    data: Dataset, modalities: Sequence[str], presence: Sequence[str]
) -> "PooledInputs":
    """Features of the modalities; for those of `presence`, columns that say where they are.

    These stand behind the features, those of modalities that some utterance lacks first.
    """
    from memr_cli.learning.hiding import Block
    from memr_cli.learning.pooled import PooledInputs

    told = [name for name in modalities if name in presence]
    told.sort(key=lambda name: name not in data.incomplete)
    dims = [data.dims[name] for name in modalities]
    ends = list(accumulate(dims))
    column = {name: ends[-1] + place for place, name in enumerate(told)}
    return PooledInputs(
        features=data.features(modalities, told),
        labels=data.columns.label,
        n_classes=len(data.class_names),
        n_raw=len(told),
        incomplete=not all(data.present[name].all() for name in modalities),
        blocks=tuple(
            Block(end - dim, end, column.get(name))
            for name, dim, end in zip(modalities, dims, ends, strict=True)
        ),
    )
