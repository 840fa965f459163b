"""The registry of protocols: one file and one entry each, named in the vocabulary."""

from collections.abc import Sequence

from memr_cli.errors import UsageError
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.folds import Fold, divide, restrict
from memr_cli.evaluation.protocols.loso import LeaveOneSpeakerOut
from memr_cli.evaluation.protocols.protocol import Protocol
from memr_cli.evaluation.protocols.session import LeaveOneSessionOut
from memr_cli.evaluation.protocols.speaker import SpeakerFolds
from memr_cli.evaluation.protocols.split import PublishedSplit
from memr_cli.evaluation.validation import VALIDATION_SHARE
from memr_cli.vocabulary import ProtocolName

__all__ = ["PROTOCOLS", "Fold", "Protocol", "check_n_folds", "describe", "folds", "restrict"]

PROTOCOLS: dict[ProtocolName, Protocol] = {
    ProtocolName.SPEAKER: SpeakerFolds(),
    ProtocolName.SESSION: LeaveOneSessionOut(),
    ProtocolName.LOSO: LeaveOneSpeakerOut(),
    ProtocolName.SPLIT: PublishedSplit(),
}


def folds(
    protocol: ProtocolName,
    columns: Columns,
    n_folds: int = 5,
    *,
    validation: bool = True,
    validation_share: float = VALIDATION_SHARE,
) -> tuple[Fold, ...]:
    """Return the folds of a protocol over a corpus. `n_folds`: where the protocol takes `--folds`.

    Raises what `Protocol.parts` and `divide` raise.
    """
    made = PROTOCOLS[protocol]
    return divide(made.parts, columns, n_folds, validation=validation, share=validation_share)


def describe(protocol: ProtocolName, cut: Sequence[Fold]) -> str:
    """Return a protocol in words, given its folds."""
    return PROTOCOLS[protocol].describe(cut)


def check_n_folds(protocol: ProtocolName, n_folds: int | None) -> None:
    """Raise UsageError where `--folds` is given and the protocol does not take it."""
    if n_folds is not None and not PROTOCOLS[protocol].takes_folds:
        takers = " or ".join(name for name, one in PROTOCOLS.items() if one.takes_folds)
        raise UsageError(
            f"--folds has no effect with --protocol {protocol}, which has its own. "
            f"Leave it out, or use --protocol {takers}."
        )
