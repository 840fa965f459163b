"""How much is measured and on what, and the corpora that are made for it when first needed."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from race_programs import prepare

HERE = Path(__file__).parent
PYTHON = sys.executable
MEMR = str(Path(PYTHON).parent / "memr")
GB = 10**9


@dataclass(frozen=True)
class Plan:
    """The defaults have the size of the published experiment. Corpora are made in `folder`."""

    folder: Path
    runs: int = 5
    epochs: int = 50
    device: str = "cpu"
    long_bytes: int = 2 * GB
    utterances: int = 1670
    """Of which a fifth has no label: 1,336 take part."""
    frames: int = 12
    dims: Mapping[str, int] = field(
        default_factory=lambda: {"visual": 2048, "acoustic": 128, "lexical": 768}
    )
    long_shape: tuple[int, int] = (300, 2048)
    """Frames, give or take a tenth, and dims of a long sequence."""
    growth: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Utterances, from few to many."""
    seeds: tuple[int, ...] = (1, 2, 5, 10)

    @property
    def few(self) -> int:
        """Rounds of what takes minutes."""
        return (self.runs + 1) // 2

    @property
    def many(self) -> int:
        """Rounds of what takes seconds."""
        return 2 * self.runs

    def evaluate(self, *arguments: str) -> tuple[str, ...]:
        """The command that evaluates on the plan's device."""
        device = () if self.device == "cpu" else ("--device", self.device)
        return (MEMR, "evaluate", *arguments, *device)

    def raw(self) -> Path:
        """A synthetic corpus in which nothing is missing, so that every method sees every row."""
        return self._corpus("raw")

    def archive(self) -> Path:
        """The same corpus with its features in a zip."""
        return self._corpus("archive", "--archive")

    def store(self) -> Path:
        """The corpus's store."""
        store, raw = self.folder / "memr.h5", self.raw()
        if not store.exists():
            prepare((MEMR, "ingest", str(raw), "--store", str(store)))
        return store

    def _corpus(self, name: str, *more: str) -> Path:
        folder = self.folder / name
        if not folder.exists():
            dims = [(f"--{modality}-dim", str(dim)) for modality, dim in self.dims.items()]
            size = (("--utterances", str(self.utterances)), ("--frames", str(self.frames)), *dims)
            asked = [word for pair in size for word in pair]
            prepare((MEMR, "synth", str(folder), "--missing", "0", *asked, *more))
        return folder
