from pathlib import Path

import pytest
from ingested import ingest

from memr_cli.ingestion import IngestSettings
from memr_cli.progress import silent

DATA = Path(__file__).parents[3] / "shared" / "data"


def corpus(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"the licensed corpus {name} is not here")
    return DATA / name


def test_the_iemocap_part(tmp_path: Path) -> None:
    raw = corpus("iemocap_sessions_1_to_3")
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    assert (result["utterances"], result["labelled"]) == (4298, 3259)
    assert result["labels"] == {"anger": 606, "sadness": 696, "happiness": 891, "neutral": 1066}
    assert list(result["sessions"]) == ["1", "2", "3"]
    assert len(result["speakers"]) == 6
    dims = {name: modality["dim"] for name, modality in result["modalities"].items()}
    assert dims == {"visual": None, "acoustic": 47, "lexical": 384}
    assert result["modalities"]["visual"]["present"] == 0
    assert result["problems"] == []


def test_mosi(tmp_path: Path) -> None:
    result = ingest(corpus("mosi"), tmp_path / "memr.h5", IngestSettings(), silent)
    assert (result["utterances"], result["labelled"]) == (2199, 2199)
    assert list(result["labels"]) == ["class0", "class1"]
    dims = {name: modality["dim"] for name, modality in result["modalities"].items()}
    assert dims == {"visual": 100, "acoustic": 73, "lexical": 100}
    assert len(result["speakers"]) == 93
    assert set(result["splits"]) == {"train", "test"}
    assert result["problems"] == []
