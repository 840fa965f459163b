"""The predictions of an evaluation, one CSV row per tested utterance and run.

Letters: n scored rows (one per tested utterance and run: a seed, or all that are averaged), C
classes, G modalities.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import InputError
from memr_cli.files import spreadsheet
from memr_cli.files.plain import PlainFileError, content
from memr_cli.results.hashes import SIZES
from store.atomic import write_whole

KEY_COLUMNS = ("utterance", "speaker", "fold", "seed", "true", "predicted")
SHARE, WEIGHT = "p_", "w_"
"""Begin the columns of classes and of modalities."""

_SURE = 1 + 1e-6
"""No probability and no weight is larger, but for rounding."""


@dataclass(frozen=True)
class Predictions:
    """What was predicted for every tested utterance and seed, by the one fold that tested it.

    fold, seed, true, predicted: (n,) integers, the last two are class indices; where seeds are
    averaged, `seed` is their first. probabilities: (n, C) in the order of `class_names`; for a
    vote, the shares of votes. weights: (n, G) in the order of `modalities`, of a method that weighs
    them, else None.
    """

    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    fold: NDArray[np.int64]
    seed: NDArray[np.int64]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    class_names: tuple[str, ...]
    modalities: tuple[str, ...] = ()
    weights: NDArray[np.float64] | None = None

    def write(self, path: Path) -> None:
        """Write one CSV row per scored row: the key columns, then `p_<class>` for every class.

        Last come `w_<modality>` where modalities are weighed. Text that a spreadsheet would take
        for a formula is written as `spreadsheet` says, which `read` undoes.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, spreadsheet.written(self._lines()).encode())

    def _lines(self) -> Iterator[Sequence[str]]:
        names = self.class_names
        shown = [*(f"{SHARE}{name}" for name in names), *(f"{WEIGHT}{n}" for n in self.modalities)]
        yield [*KEY_COLUMNS, *map(spreadsheet.as_cell, shown)]
        classes = list(map(spreadsheet.as_cell, names))
        speakers = {name: spreadsheet.as_cell(name) for name in set(self.speakers)}
        numbers = [*self.probabilities.T, *(() if self.weights is None else self.weights.T)]
        yield from zip(
            map(spreadsheet.as_cell, self.utterances),
            (speakers[name] for name in self.speakers),
            map(str, self.fold.tolist()),
            map(str, self.seed.tolist()),
            (classes[code] for code in self.true),
            (classes[code] for code in self.predicted),
            # 9 significant digits hold a float32 exactly.
            *([f"{value:.9g}" for value in column] for column in numbers),
            strict=True,
        )

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read a predictions file. Raises InputError where it is not one."""
        try:
            text = content(path, SIZES["csv"]).decode("utf-8")
            header, *rows = spreadsheet.read_rows(text)
            return cls._from_rows([*map(spreadsheet.from_cell, header)], rows)
        except (ValueError, IndexError, KeyError, csv.Error, OverflowError) as error:
            reason = f"it has no column for {error}" if isinstance(error, KeyError) else str(error)
        except (FileNotFoundError, PlainFileError) as error:
            reason = "it is gone" if isinstance(error, FileNotFoundError) else str(error)
        raise InputError(
            f"{path} is not a predictions file of memr ({reason}); "
            "delete it and run `memr evaluate` again."
        )

    @classmethod
    def _from_rows(cls, header: list[str], rows: list[list[str]]) -> "Predictions":
        if tuple(header[: len(KEY_COLUMNS)]) != KEY_COLUMNS:
            raise ValueError(f"its columns are {', '.join(header)}")
        told = header[len(KEY_COLUMNS) :]
        names = tuple(column.removeprefix(SHARE) for column in told if column.startswith(SHARE))
        weighed = tuple(column.removeprefix(WEIGHT) for column in told[len(names) :])
        if told != [
            *(f"{SHARE}{name}" for name in names),
            *(f"{WEIGHT}{name}" for name in weighed),
        ]:
            raise ValueError(f"its columns are {', '.join(header)}")
        codes = {name: code for code, name in enumerate(names)}
        if len(codes) < len(names) or not names:
            raise ValueError("its columns do not name each class once")
        utterances, speakers, fold, seed, true, predicted, *numbers = zip(*rows, strict=True)
        values = np.array(numbers, dtype=np.float64).T
        if not ((values >= 0) & (values <= _SURE)).all():
            raise ValueError("it has a number that is no probability or weight")
        return cls(
            utterances=tuple(map(spreadsheet.from_cell, utterances)),
            speakers=tuple(map(spreadsheet.from_cell, speakers)),
            fold=np.array(fold, dtype=np.int64),
            seed=np.array(seed, dtype=np.int64),
            true=np.array([codes[spreadsheet.from_cell(name)] for name in true]),
            predicted=np.array([codes[spreadsheet.from_cell(name)] for name in predicted]),
            probabilities=values[:, : len(names)],
            class_names=names,
            modalities=weighed,
            weights=values[:, len(names) :] if weighed else None,
        )
