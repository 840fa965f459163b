"""What is known of real corpora is found in them, and no more. Skipped where they are not here."""

import json
from pathlib import Path

import pytest
from audit_corpora import check

from memr_cli.auditing.run import AuditSettings, audit
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from memr_cli.results.audit import Audit
from memr_cli.results.schema import encode
from memr_cli.vocabulary import ProtocolName, Subset

DATA = Path(__file__).parents[3] / "shared" / "data"


def audited(name: str, folder: Path, protocol: ProtocolName, subset: Subset = Subset.ALL) -> Audit:
    if not (DATA / name).is_dir():
        pytest.skip(f"the licensed corpus {name} is not here")
    store = folder / "memr.h5"
    if not store.exists():
        ingest(DATA / name, store, IngestSettings(), silent)
    result = audit(store, folder, AuditSettings(protocol, subset=subset), silent)
    check(json.loads(encode(result)))
    return result


def found(result: Audit) -> list[tuple[str, str, str | None]]:
    return [(one.severity, one.code, one.modality) for one in result.findings]


def test_mosi_has_two_modalities_that_were_trained_on_its_labels(tmp_path: Path) -> None:
    result = audited("mosi", tmp_path, ProtocolName.SPLIT)
    severe = [finding[1:] for finding in found(result) if finding[0] == "severe"]
    assert severe == [("label_leak", "visual"), ("label_leak", "lexical")]
    leaks = {name: probes.label_leak for name, probes in result.probes.modalities.items()}
    assert (leaks["lexical"].train, leaks["lexical"].test) == pytest.approx((0.98, 0.76), abs=0.02)
    assert (leaks["visual"].train, leaks["visual"].test) == pytest.approx((0.92, 0.51), abs=0.02)
    assert leaks["acoustic"].ci95[1] < 0.10
    assert not [finding for finding in found(result) if finding[0] == "warning"]


def test_iemocaps_scripts_repeat_sentences_and_its_improvised_half_does_not(
    tmp_path: Path,
) -> None:
    whole = found(audited("iemocap_sessions_1_to_3", tmp_path, ProtocolName.SESSION))
    assert whole == [
        ("warning", "identical_vectors", "lexical"),
        ("warning", "scripted_lines", "lexical"),
        ("info", "speaker_identity", "acoustic"),
    ]
    improvised = audited(
        "iemocap_sessions_1_to_3", tmp_path, ProtocolName.SESSION, Subset.IMPROVISED
    )
    assert found(improvised) == [
        ("info", "identical_vectors", "lexical"),
        ("info", "speaker_identity", "acoustic"),
    ]
