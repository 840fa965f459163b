"""A clean corpus in arrays, in which tests plant one fault at a time."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from memr_cli.auditing.findings import Checked, Severity
from memr_cli.auditing.run import CODES, Subject, examine
from memr_cli.data.dataset import Dataset
from memr_cli.evaluation.columns import NONE, Columns
from memr_cli.evaluation.protocols import PROTOCOLS, folds
from memr_cli.progress import silent
from memr_cli.results.audit import Audit, Finding, ModalityProbes, Probes
from memr_cli.results.schema import encode, to_json
from memr_cli.vocabulary import ProtocolName
from store.utterances import Utterances
from store.writer import StoreWriter

CLASSES = ("anger", "sadness", "happiness", "neutral")
N_SESSIONS, N_DIALOGUES, N_TURNS, N_DIMS = 6, 4, 24, 12


@dataclass
class Corpus:
    """N utterances of twelve speakers in six sessions; dialogues have both speakers of a session.

    Sessions 1 to 3 are the published training part. Two of twelve dims tell the class a little; a
    speaker, a session and a length tell nothing.
    """

    name: str = "visual"
    label: np.ndarray = field(init=False)
    speaker: np.ndarray = field(init=False)
    session: np.ndarray = field(init=False)
    dialogue: np.ndarray = field(init=False)
    features: np.ndarray = field(init=False)
    frames: np.ndarray = field(init=False)
    kind: str = "impro"
    published: bool = True
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(2))
    """What plants draw from."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        n = N_SESSIONS * N_DIALOGUES * N_TURNS
        turn = np.arange(n)
        self.session = turn // (N_DIALOGUES * N_TURNS)
        self.dialogue = turn // N_TURNS
        self.speaker = 2 * self.session + turn % 2
        self.label = rng.integers(len(CLASSES), size=n)
        self.features = rng.standard_normal((n, N_DIMS)).astype(np.float32)
        self.features[:, 0] += 0.5 * self.label
        self.frames = rng.integers(2, 30, n)

    @property
    def n(self) -> int:
        return self.label.size

    @property
    def present(self) -> np.ndarray:
        return ~np.isnan(self.features[:, 0])

    def lose(self, rows: np.ndarray) -> None:
        """Take the modality from some rows."""
        self.features[rows], self.frames[rows] = np.nan, 0

    def rows(self, session: int) -> np.ndarray:
        return np.flatnonzero(self.session == session)

    @property
    def ids(self) -> tuple[str, ...]:
        rows = zip(self.session, self.dialogue, self.speaker, range(self.n), strict=True)
        return tuple(
            f"Ses0{s + 1}{'FM'[d % 2]}_{self.kind}0{d % N_DIALOGUES + 1}_{'FM'[w % 2]}{i:03d}"
            for s, d, w, i in rows
        )

    @property
    def columns(self) -> Columns:
        split = (self.session > 2) if self.published else np.full(self.n, NONE)
        return Columns(
            speaker=self.speaker,
            speaker_names=tuple(f"s{i}" for i in range(self.speaker.max() + 1)),
            session=self.session,
            session_names=tuple(str(i + 1) for i in range(N_SESSIONS)),
            dialogue=self.dialogue,
            label=self.label,
            split=split.astype(np.int32),
            split_names=("train", "test") if self.published else (),
        )

    def audit(self, protocol: str = "session") -> Checked[Probes]:
        cut = folds(ProtocolName(protocol), self.columns, 5, validation=False)
        data = Dataset(
            source=_Source(self.name, self.features),
            ids=self.ids,
            class_names=CLASSES,
            synthetic=False,
            dims={self.name: self.features.shape[1]},
            columns=self.columns,
            incomplete=(),
            order=np.arange(len(self.ids)),
        )
        frames = {self.name: self.frames}
        return examine(Subject(data, cut, frames, PROTOCOLS[ProtocolName(protocol)]), silent)

    def probes(self) -> ModalityProbes:
        """The measurements of the one modality."""
        return self.audit().numbers.modalities[self.name]

    def found(self, protocol: str = "session") -> dict[str, str]:
        """The severity of every code found."""
        return {finding.code: finding.severity for finding in self.audit(protocol).findings}

    def finding(self, code: str, protocol: str = "session") -> Finding:
        """The one finding of a code."""
        (found,) = (one for one in self.audit(protocol).findings if one.code == code)
        return found

    def write(self, path: Path) -> Path:
        """The corpus as a store."""
        columns = self.columns
        utterances = Utterances.arrange(
            ids=self.ids,
            speakers=_named(columns.speaker_names, columns.speaker),
            labels=[None if code == NONE else int(code) for code in self.label],
            sessions=_named(columns.session_names, columns.session),
            dialogues=[f"d{code}" for code in self.dialogue],
            turns=[None] * self.n,
            splits=_named(columns.split_names, columns.split),
        )
        provenance: dict[str, Any] = {"pooling": "mean", "files": 1}
        with StoreWriter(path, utterances, CLASSES, provenance=provenance, synthetic=False) as to:
            to.add_modality(self.name, self.features.shape[1])
            for row in utterances.source_row:
                vector = self.features[row] if self.present[row] else None
                to.append(self.name, vector, int(self.frames[row]))
            to.finish()
        return path


@dataclass(frozen=True)
class _Source:
    name: str
    features: np.ndarray

    def present(self, name: str) -> np.ndarray:
        assert name == self.name
        return ~np.isnan(self.features[:, 0])

    def pooled_into(self, name: str, out: np.ndarray) -> None:
        assert name == self.name
        out[:] = self.features


def features_trained_on_labels(corpus: Corpus) -> None:
    """Features know the labels of the published training part."""
    train = np.flatnonzero(corpus.session < 3)
    corpus.features[train, 1 + corpus.label[train]] += 6


def speaker_offsets(corpus: Corpus) -> None:
    """Features know the speaker."""
    corpus.features += (2 * corpus.rng.standard_normal((12, 12)))[corpus.speaker]


def planted(*plants: Callable[[Corpus], None]) -> Corpus:
    """A corpus with faults."""
    corpus = Corpus()
    for plant in plants:
        plant(corpus)
    return corpus


def check(result: dict[str, Any]) -> None:
    """Check the JSON object of an audit: every field, and how its sentences are written."""
    audit = msgspec.convert(result, Audit)
    assert json.loads(encode(audit)) == result  # nothing but what the type names
    for one in audit.findings:
        assert one.code in CODES
        assert re.fullmatch(r"[A-Z0-9].*\.", one.message)
        assert re.fullmatch(r"[A-Z0-9][^{}]*\.", one.action)
    severities = [one.severity for one in audit.findings]
    assert to_json(audit.counts) == {name: severities.count(name) for name in Severity}


def _named(names: Sequence[str], codes: np.ndarray) -> list[str | None]:
    return [None if code == NONE else names[code] for code in codes]
