"""The sections of a report, in the order of the page.

Each is a function from the context of a group to parts: sentence, tables and figures. To add one,
write it in a file of its own and list it here.
"""

from memr_cli.reporting.section import Section
from memr_cli.reporting.sections.audit import audit
from memr_cli.reporting.sections.by_speaker import by_speaker
from memr_cli.reporting.sections.calibration import calibration
from memr_cli.reporting.sections.confusion import confusion
from memr_cli.reporting.sections.contributions import contributions
from memr_cli.reporting.sections.differences import differences
from memr_cli.reporting.sections.per_class import per_class
from memr_cli.reporting.sections.repeat import repeat
from memr_cli.reporting.sections.results import results
from memr_cli.reporting.sections.robustness import robustness
from memr_cli.reporting.sections.subsets import subsets
from memr_cli.reporting.sections.trust import trust
from memr_cli.reporting.sections.weights import weights

SECTIONS: tuple[Section, ...] = (
    results,
    differences,
    contributions,
    subsets,
    robustness,
    weights,
    calibration,
    by_speaker,
    per_class,
    confusion,
    audit,
    trust,
    repeat,
)
