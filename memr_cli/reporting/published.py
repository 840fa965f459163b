"""The numbers that the published notebook reports, and when a result may stand beside them."""

from dataclasses import dataclass

from memr_cli.reporting.groups import Group


@dataclass(frozen=True)
class Published:
    """F1-micro of one method as fractions: mean and standard deviation over the folds."""

    mean: float
    std: float


SCORES = {
    "visual": Published(0.3839, 0.0300),
    "acoustic": Published(0.5327, 0.0336),
    "lexical": Published(0.6225, 0.0094),
    "early": Published(0.6256, 0.0145),
    "late": Published(0.5431, 0.0173),
}
UTTERANCES = 1336
FOLDS = (
    (("F01", "F02"), 267),
    (("F03", "F04"), 234),
    (("F05", "M01"), 322),
    (("M02", "M03"), 287),
    (("M04", "M05"), 226),
)


def published(group: Group, method: str) -> Published | None:
    """What the notebook reports for `method`, or None where the group is not its experiment.

    The same experiment is: protocol `speaker`, the notebook's folds with as many test utterances
    in each, features normalised without those of test speakers, and a corpus that is not synthetic.
    A method that is not evaluated yet is judged by the result that scores the most utterances.
    """
    result = group.get(method) or group.reference
    # One that is not there would be normalised as the others are.
    seen = result.transductive if group.get(method) else bool(group.terms.by_speaker)
    if group.synthetic or seen or result.protocol.name != "speaker" or result.n != UTTERANCES:
        return None
    folds = tuple((fold.test, fold.n_test) for fold in result.protocol.folds)
    return SCORES.get(method) if folds == FOLDS else None
