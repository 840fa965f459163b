"""One evaluated method of a comparison: its result, and what it predicted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from memr_cli.errors import InputError
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.predictions import Predictions
from memr_cli.results.settings import Settings


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A result, the metrics file it was read from, and the output folder of that file."""

    path: Path
    folder: ResultFolder
    result: Evaluation

    @property
    def method(self) -> str:
        """The method's name."""
        return self.result.method

    @property
    def protocol(self) -> str:
        """The protocol's name."""
        return self.result.protocol.name

    @property
    def settings(self) -> Settings:
        """Every value that shaped its numbers."""
        return self.result.settings

    @property
    def normalize(self) -> Mapping[str, str]:
        """How each modality that it uses is normalised."""
        used = dict.fromkeys(self.settings.modalities)
        return {name: self.settings.normalization(name) for name in used}

    @property
    def n_test(self) -> tuple[int, ...]:
        """(K,) test utterances of each fold."""
        return tuple(fold.n_test for fold in self.result.protocol.folds)

    @property
    def n_train(self) -> tuple[int, ...]:
        """(K,) training utterances of each fold."""
        return tuple(fold.n_train for fold in self.result.protocol.folds)

    @cached_property
    def predictions(self) -> Predictions:
        """What was predicted, read once.

        Raises InputError where the file is not one of predictions, or names folds that there are
        not.
        """
        path = self.folder.predictions(self.protocol, self.method)
        found = Predictions.read(path)
        if not ((found.fold >= 0) & (found.fold < len(self.n_test))).all():
            raise InputError(
                f"{path} names folds that {self.path} does not have, which was made with it. "
                "Delete both and run `memr evaluate` again."
            )
        return found

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the metrics and the predictions file, by name in `folder`."""
        predictions = self.folder.relative(self.folder.predictions(self.protocol, self.method))
        vouched = {predictions: self.result.hashes[predictions]}
        return {self.folder.relative(self.path): digest(self.path), **vouched}
