"""An ablation as the report shows it. Letter: M modalities."""

from collections.abc import Mapping
from dataclasses import dataclass

from memr_cli.reporting.studies.study import Study
from memr_cli.results import ablation
from memr_cli.results.ablation import SubsetScores, Worth
from memr_cli.results.settings import Settings


@dataclass(frozen=True, eq=False)
class Ablation(Study):
    """One method without some of its M modalities."""

    result: ablation.Ablation

    @property
    def method(self) -> str:
        """The method's name."""
        return self.result.method

    @property
    def preset(self) -> str:
        """The preset's name."""
        return self.result.preset

    @property
    def settings(self) -> Settings:
        """Every value that shaped its numbers."""
        return self.result.settings

    @property
    def n(self) -> int:
        """Test utterances that it scores."""
        return self.result.n

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the method uses."""
        return self.result.modalities

    @property
    def subsets(self) -> tuple[SubsetScores, ...]:
        """Scores of all 2^M subsets, by size."""
        return self.result.subsets

    @property
    def shapley(self) -> Mapping[str, Mapping[str, Worth]]:
        """Shapley values by metric and modality."""
        return self.result.shapley

    @property
    def shapley_retrained(self) -> Mapping[str, Mapping[str, Worth]] | None:
        """The same, retrained."""
        return self.result.shapley_retrained

    @property
    def noise(self) -> tuple[ablation.NoisePoint, ...]:
        """Scores under noise."""
        return self.result.noise

    @property
    def loss(self) -> tuple[ablation.LossPoint, ...]:
        """Scores under random loss."""
        return self.result.loss

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of memr and of libraries."""
        return self.result.versions

    def with_only(self, *modalities: str) -> SubsetScores:
        """Return the scores of these modalities alone."""
        return self.result.with_only(*modalities)

    @property
    def whole(self) -> SubsetScores:
        """The scores of all modalities."""
        return self.result.whole


def level(point: ablation.NoisePoint | ablation.LossPoint) -> float:
    """Return the position of a point on its curve: the noise, or the share that is lost."""
    return point.level if isinstance(point, ablation.NoisePoint) else point.share
