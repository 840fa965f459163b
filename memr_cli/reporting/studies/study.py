"""What comparisons, ablations and audits have in common: the store and protocol they are of."""

from dataclasses import dataclass
from pathlib import PurePath

from memr_cli.reporting.evaluated import store_file_name
from memr_cli.results.ablation import Ablation
from memr_cli.results.audit import Audit
from memr_cli.results.comparison import Comparison


@dataclass(frozen=True, eq=False)
class Study:
    """A result that is about evaluated methods or their store. path: of its file."""

    path: PurePath
    result: Comparison | Ablation | Audit

    @property
    def store(self) -> str:
        """The file name of the store."""
        return store_file_name(self.result.store or "")

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the store's content."""
        return self.result.fingerprint or ""

    @property
    def synthetic(self) -> bool:
        """Whether the corpus is synthetic."""
        return self.result.synthetic

    @property
    def protocol(self) -> str:
        """The protocol's name."""
        return self.result.protocol.name

    @property
    def description(self) -> str:
        """The protocol in words."""
        return self.result.protocol.description or ""

    @property
    def subset(self) -> str:
        """IEMOCAP's dialogues that take part."""
        own = self.result
        return own.settings.subset if isinstance(own, Ablation) else own.subset

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on its figures."""
        return self.result.notes
