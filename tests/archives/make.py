"""Make the archives anew, in the present form: `python tests/archives/make.py`.

Replaces the folder `0.1.0` beside this file: two small stores of a made-up corpus, results of short
evaluations on them, `expected.json` with what they hold, and `SHA256SUMS` with the hash of each
file. Takes about half a minute.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RELEASE = Path(__file__).parent / "0.1.0"
SETTINGS = ("--epochs", "1", "--hidden", "4", "--folds", "2")
STORES = {
    "pooled.h5": ((), ("lexical", "late")),
    "sequences.h5": (("--sequences",), ("temporal-gru",)),
}
"""Options of ingest and methods to evaluate, by store"""

INFO = ("fingerprint", "synthetic", "utterances", "labelled", "speakers", "labels", "sessions")
INFO += ("dialogues", "splits", "modalities", "sequences", "provenance")
"""The fields of `memr info` that have to stay"""


def memr(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run memr in a folder and return the objects that it prints."""
    command = [sys.executable, "-m", "memr_cli", *arguments, "--quiet", "--json"]
    ran = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def make(folder: Path) -> None:
    """Write the archive into an empty folder."""
    from memr_cli.learning.checkpoints import read_facts

    sizes = ("--visual-dim", "4", "--acoustic-dim", "3", "--lexical-dim", "2", "--frames", "3")
    memr(folder, "synth", "raw", "--utterances", "40", *sizes)
    expected: dict[str, Any] = {}
    for store, (options, methods) in STORES.items():
        out = store.removesuffix(".h5")
        memr(folder, "ingest", "raw", "--store", store, *options)
        asked = [word for method in methods for word in ("--method", method)]
        results = memr(folder, "evaluate", "--store", store, "--out", out, *asked, *SETTINGS)
        info = memr(folder, "info", "--store", store)[0]
        checkpoints = sorted((folder / out).rglob("*.safetensors"))
        expected[store] = {
            "info": {name: info[name] for name in INFO},
            "checkpoints": {
                path.relative_to(folder / out).as_posix(): read_facts(path)["arrays"]
                for path in checkpoints
            },
            "results": {
                result["method"]: {
                    "n": result["n"],
                    "accuracy": result["metrics"]["accuracy"]["pooled"],
                }
                for result in results
            },
        }
    shutil.rmtree(folder / "raw")
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (folder / "expected.json").write_text(text + "\n", "utf-8")
    (folder / "SHA256SUMS").write_text("\n".join(sums(folder)) + "\n", "ascii")


def sums(folder: Path) -> list[str]:
    """The lines of SHA256SUMS for all other files of a folder."""
    return [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS"
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / RELEASE.name
        made.mkdir()
        make(made)
        shutil.rmtree(RELEASE, ignore_errors=True)
        shutil.copytree(made, RELEASE)
