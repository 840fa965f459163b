"""What an audit can find: every code with its meaning, when it is how severe, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """How much a finding matters, from the most."""

    SEVERE = "severe"
    """Scores under this protocol do not say what they seem to say."""
    WARNING = "warning"
    """Scores may be off, or rest on little; say so with them."""
    INFO = "info"
    """Good to know; nothing is wrong."""


class Code(NamedTuple):
    """What a code stands for, the rule of its severity, and what to do about it."""

    meaning: str
    rule: str
    action: str


CODES: Mapping[str, Code] = {
    "shared_speakers": Code(
        "test utterances of speakers who are in training too",
        "severe from 5 % of test utterances, else a warning",
        "Use --protocol speaker or loso, which keep speakers apart, or say with every score that "
        "test speakers were trained on.",
    ),
    "shared_dialogues": Code(
        "test utterances whose dialogue is in training too",
        "a warning from 5 % of test utterances, else info",
        "Use a protocol that keeps dialogues whole: --protocol session where the corpus has "
        "sessions.",
    ),
    "shared_sessions": Code(
        "test utterances whose session is in training too",
        "info",
        "Room and microphones are known from training; --protocol session tests on others.",
    ),
    "split_partners": Code(
        "test speakers whose partner in a dialogue is in training",
        "a warning",
        "Use a protocol that keeps partners together: --protocol session where the corpus has "
        "sessions.",
    ),
    "identical_vectors": Code(
        "test vectors that occur in training bit for bit",
        "lexical, where the same words give the same vector: severe from 25 % of test vectors, a "
        "warning from 10 %, else info; other modalities: severe from 1 %, "
        "a warning from 0.1 %, else info",
        "Find out why they recur: repeated sentences, a file listed twice, or a constant in place "
        "of missing features, which should be an empty path.",
    ),
    "near_identical_vectors": Code(
        "test vectors with a cosine above 0.999 to one in training, after standardisation",
        "nothing where chance may give as many; info where they are fewer than 5; else as "
        "identical_vectors",
        "Find out why they recur: the same recording encoded twice, augmented copies, or "
        "overlapping segments belong on one side of the split.",
    ),
    "scripted_lines": Code(
        "scripted dialogues of IEMOCAP in the test part whose script is in training too",
        "a warning where at least 5 % of the scripted test vectors of a modality are identical to "
        "training ones and twice the share of the improvised ones; else info",
        "Score improvised dialogues alone as well: `{evaluate} --subset improvised --out "
        "improvised/`.",
    ),
    "label_leak": Code(
        "features that know the labels of the published training part better than those of the "
        "test part: a linear probe has a higher UAR by folds within the training part than on the "
        "test part",
        "severe where the lower bound of the gap's 95 % interval is above 0.10; else no finding, "
        "and none where either part has fewer than 5 speakers",
        "Features were probably extracted by a network trained on these labels. Trust --protocol "
        "split alone, or extract features without the labels.",
    ),
    "speaker_identity": Code(
        "a linear probe tells speakers apart by their features",
        "where the probe removes a quarter or more of the errors of always naming the most "
        "frequent speaker: a warning if test speakers are in training too, else info",
        "Try each speaker's own mean and spread: `{evaluate}{subset} --normalize "
        "{modality}=speaker --out {modality}-by-speaker/`.",
    ),
    "small_class": Code(
        "a class with few utterances to learn from or to be scored on",
        "severe where a training part has 1 to 4 utterances of it; a warning where one has fewer "
        "than 20, or all test parts together fewer than 20; none where a training part lacks a "
        "class that is tested, which is fold_without_class",
        "Read the figures of this class, UAR and macro-F1 with care; merge the class with "
        "another, or label more.",
    ),
    "small_speaker": Code(
        "a fold that tests few utterances, or a speaker with few",
        "a warning where a fold tests fewer than 20 utterances; info where a tested speaker has "
        "fewer than 5",
        "Look at pooled scores, or at folds of several speakers: --protocol speaker.",
    ),
    "fold_without_class": Code(
        "a class that the training or the test part of a fold lacks",
        "severe where a class is tested that its training part lacks; else a warning",
        "Use fewer folds, or another --protocol; UAR of a fold runs over the classes it tests.",
    ),
    "dead_dimensions": Code(
        "features that never vary",
        "a warning where at least half of the dims never vary, or 5 % vary in the test part of a "
        "fold and not in training; else info",
        "Check the feature extraction; these dims carry nothing.",
    ),
    "duplicated_dimensions": Code(
        "features that repeat another one (correlation above 0.9999 or below -0.9999)",
        "a warning where at least half of the dims repeat another, else info",
        "Check the feature extraction; these dims carry nothing new and count twice.",
    ),
    "outliers": Code(
        "values far outside the rest: further from the median than 10 times the range of the "
        "middle 99 % of that dim (of the modality's median dim, where that range is nil)",
        "a warning where at least 1 % of utterances have one, or one is 100 such ranges away; "
        "else info",
        "Check these utterances' feature files; one wild value sets the scale of its dim.",
    ),
    "uneven_missing": Code(
        "a modality that is missing more often for some classes or speakers than for others",
        "where shares among classes or speakers of at least 20 utterances differ by 0.10 or more "
        "and a chi-squared test has p below 0.001: by class "
        "severe from a difference of 0.30, else a warning; by speaker a warning",
        "Compare methods on the utterances that have all modalities, and look at what a model "
        "learns from absence.",
    ),
    "length_shortcut": Code(
        "frame counts alone tell classes on speakers unseen",
        "where the lower bound of the 95 % interval of the gain over the most frequent class is "
        "above 0.01: severe above 0.10, else a warning",
        "Check how utterances were cut and padded; a model may learn lengths and not emotions.",
    ),
}
"""Every code, in the order in which an audit looks for it. Codes never change their meaning."""


@dataclass(frozen=True)
class Finding:
    """Something found. `value` is the number that decided; its meaning stands in the message."""

    code: str
    severity: Severity
    value: float
    message: str
    modality: str | None = None
    action: str = ""

    def as_object(self, evaluate: str, subset: str) -> dict[str, Any]:
        """The finding as it goes into JSON.

        evaluate: the command that scores what was audited, which actions add to. subset: the
        option, with a space before it, that holds it to the subset audited; "" for all.
        """
        action = self.action or CODES[self.code].action.format(
            modality=self.modality, evaluate=evaluate, subset=subset
        )
        return {
            "code": self.code,
            "severity": str(self.severity),
            "modality": self.modality,
            "value": self.value,
            "message": self.message,
            "action": action,
        }


@dataclass(frozen=True)
class Checked:
    """What one check measured, what of it is a finding, and what it could not do."""

    numbers: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.1f} %"


def counted(n: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 dim`, `2 dims`."""
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def few(names: list[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
