"""Commands in any order, some of them killed, some on damaged stores, against a model in memory.

The model knows what the store must hold, and which results and models were made from what; the
scores themselves are those of the same commands in a folder where nothing went wrong.
"""

import json
import random
import signal
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import kill_rounds
import sandbox
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sandbox import CASES, Conditions

from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES

METHODS = {"visual": ("visual",), "acoustic": ("acoustic",), "late": MODALITIES}
"""What is evaluated, and the models that it rests on."""
POOLINGS = ("mean", "max")
EPOCHS = (1, 3)
KILLED = -signal.SIGKILL

Made = tuple[str, int]
"""What a result or a model was made from: how the store was pooled, and for how many epochs."""


@cache
def undisturbed() -> Path:
    """A folder with the raw corpus, where nothing goes wrong; kept until the tests end."""
    _keep.append(tempfile.TemporaryDirectory())
    folder = Path(_keep[0].name)
    write_corpus(folder / "raw", kill_rounds.CORPUS, silent)
    return folder


_keep: list[tempfile.TemporaryDirectory[str]] = []


@cache
def long_enough(*arguments: str) -> float:
    """Seconds in which a command that begins from nothing ends; kills are spread over them."""
    with tempfile.TemporaryDirectory() as name:
        if arguments[0] != "ingest":
            assert run(Path(name), *ingesting("mean")).code == 0
        ended = run(Path(name), *arguments)
        assert ended.code == 0, ended.stderr
        return 1.5 * ended.seconds


@cache
def fingerprint_of(pooling: str | None) -> str:
    assert pooling is not None
    mark: str = right(pooling, "visual", 1)["fingerprint"]
    return mark


@cache
def right(pooling: str, method: str, epochs: int) -> dict[str, Any]:
    """What evaluating a method comes to."""
    folder = undisturbed() / f"{pooling}{epochs}"
    if not folder.exists():
        folder.mkdir()
        assert run(folder, *ingesting(pooling)).code == 0
    (result,) = run(folder, *evaluating(method, epochs)).lines
    return outcome(result)


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a result that does not depend on when or where it was made."""
    return {name: result[name] for name in ("fingerprint", "metrics", "confusion", "n", "key")}


def run(folder: Path, *arguments: str, seconds: float = sandbox.SECONDS) -> sandbox.Ended:
    return sandbox.run(*arguments, seconds=seconds, conditions=Conditions(folder))


def ingesting(pooling: str) -> tuple[str, ...]:
    raw = str(undisturbed() / "raw")
    return ("ingest", raw, "--pooling", pooling, "--quiet")


def training(epochs: int) -> tuple[str, ...]:
    return ("train", "--method", "visual", "--epochs", str(epochs), "--quiet")


def evaluating(method: str, epochs: int) -> tuple[str, ...]:
    return ("evaluate", "--method", method, "--epochs", str(epochs), "--quiet")


poolings = st.sampled_from(POOLINGS)
methods = st.sampled_from(list(METHODS))
epoch_counts = st.sampled_from(EPOCHS)


class LifeOfAFolder(RuleBasedStateMachine):
    """One folder with a store and its results."""

    @initialize(pooling=st.none() | poolings)
    def begin(self, pooling: str | None) -> None:
        self._place = tempfile.TemporaryDirectory()
        self.folder = Path(self._place.name)
        self.store: str | None = None
        self.damaged = False
        self.results: dict[str, Made] = {}
        self.models: dict[str, Made | None] = {}
        """None where a killed run may have made some of them."""
        if pooling is not None:
            self.ingest(pooling, overwrite=False)

    def teardown(self) -> None:
        self._place.cleanup()

    @rule(pooling=poolings, overwrite=st.booleans())
    def ingest(self, pooling: str, overwrite: bool) -> None:
        ended = run(self.folder, *ingesting(pooling), *["--overwrite"] * overwrite)
        is_same = self.store == pooling and not self.damaged
        may = self.store is None or is_same or overwrite
        assert ended.code == (0 if may else 4), ended.stderr
        if may:
            assert ended.lines[0]["reused"] == is_same
            self.store, self.damaged = pooling, False

    @rule(epochs=epoch_counts)
    def train(self, epochs: int) -> None:
        ended = run(self.folder, *training(epochs))
        sure = not self.unsure("visual")
        fresh = self.store is not None and self.models.get("visual") == self.made(epochs)
        self.ended_well(ended, sure=sure, fresh=fresh)
        if ended.code == 0:
            assert not sure or ended.lines[0]["reused"] == fresh
            self.models["visual"] = self.made(epochs)

    @rule(method=methods, epochs=epoch_counts)
    def evaluate(self, method: str, epochs: int) -> None:
        ended = run(self.folder, *evaluating(method, epochs))
        members = METHODS[method]
        fresh = self.store is not None and all(
            made == self.made(epochs)
            for made in (self.results.get(method), *(self.models.get(name) for name in members))
        )
        sure = not any(self.unsure(name) for name in members)
        self.ended_well(ended, sure=sure, fresh=fresh)
        if ended.code != 0:
            return
        assert self.store is not None
        (result,) = ended.lines
        assert outcome(result) == right(self.store, method, epochs)
        if sure:
            assert result["reused"] == fresh
        self.results[method] = self.made(epochs)
        self.models |= dict.fromkeys(members, self.made(epochs))

    @rule()
    def check(self) -> None:
        ended = run(self.folder, "check", "--quiet")
        sound = self.store is not None and not self.damaged
        assert ended.code == (0 if sound else 4), ended.stderr

    @rule(pooling=poolings, share=st.floats(0, 1))
    def kill_ingest(self, pooling: str, share: float) -> None:
        command = (*ingesting(pooling), "--overwrite")
        ended = run(self.folder, *command, seconds=share * long_enough(*command))
        assert ended.code in (0, KILLED), ended.stderr
        replaced = ended.code == 0
        if not replaced and (self.folder / "memr.h5").exists():
            checked = run(self.folder, "check", "--quiet").code
            assert checked == 0 or self.damaged, "a killed ingest left half a store"
            # A damaged store still says which one it was, and may say so wrongly.
            replaced = checked == 0 and self.fingerprint() == fingerprint_of(pooling)
            assert checked == 4 or replaced or self.fingerprint() == fingerprint_of(self.store)
        if replaced:
            self.store, self.damaged = pooling, False

    # What a kill comes to depends on the moment. With preconditions, what hypothesis draws next
    # would depend on it too, which it refuses; so a step that cannot be taken does nothing instead.
    @rule(method=methods, epochs=epoch_counts, share=st.floats(0, 1))
    def kill_evaluate(self, method: str, epochs: int, share: float) -> None:
        if self.store is None or self.damaged:
            return
        expected = right(self.store, method, epochs)
        command = evaluating(method, epochs)
        ended = run(self.folder, *command, seconds=share * long_enough(*command))
        assert ended.code in (0, KILLED), ended.stderr
        for name in METHODS[method]:
            if ended.code == 0:
                self.models[name] = self.made(epochs)
            elif self.models.get(name) != self.made(epochs):
                self.models[name] = None
        path = self.result_of(method)
        assert path.exists() or (ended.code == KILLED and method not in self.results)
        if path.exists():
            found = outcome(json.loads(path.read_text(encoding="utf-8")))
            if found == expected:
                self.results[method] = self.made(epochs)
            else:
                assert ended.code == KILLED
                assert found == right(*self.result_made_from(method))

    @rule(seed=st.integers(0, 2**32))
    def flip_a_bit(self, seed: int) -> None:
        """In the features of every modality, so that whatever is trained would meet it."""
        if self.store is None or self.damaged:  # the same bits again would mend it
            return
        chance = random.Random(seed)  # noqa: S311 - no secret
        path = self.folder / "memr.h5"
        places = []
        with h5py.File(path, "r", locking=False) as file:
            for modality in MODALITIES:
                pooled = file[f"features/{modality}/pooled"]
                places.append(pooled.id.get_offset() + chance.randrange(pooled.nbytes))
        content = bytearray(path.read_bytes())
        for place in places:
            content[place] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        self.damaged = True

    @invariant()
    def results_are_whole(self) -> None:
        """What was made stays, as it was made, until something else is made in its place."""
        for method in self.results:
            found = outcome(json.loads(self.result_of(method).read_text(encoding="utf-8")))
            assert found == right(*self.result_made_from(method))

    def ended_well(self, ended: sandbox.Ended, *, sure: bool, fresh: bool) -> None:
        """Whether a run went as the store, and what was there before, let it.

        On a damaged store only what is there already comes out. `sure`: what was there is known;
        `fresh`: it is what was asked for.
        """
        if self.store is None:
            codes = {4}
        elif not self.damaged:
            codes = {0}
        elif sure:
            codes = {0 if fresh else 4}
        else:
            codes = {0, 4}
        assert ended.code in codes, ended.stderr

    def made(self, epochs: int) -> Made:
        assert self.store is not None
        return (self.store, epochs)

    def result_of(self, method: str) -> Path:
        return self.folder / "metrics" / "speaker" / f"{method}.json"

    def result_made_from(self, method: str) -> tuple[str, str, int]:
        pooling, epochs = self.results[method]
        return pooling, method, epochs

    def unsure(self, model: str) -> bool:
        """Whether a killed run may have made some of a method's models."""
        return model in self.models and self.models[model] is None

    def fingerprint(self) -> str:
        mark: str = run(self.folder, "info", "--quiet").lines[0]["fingerprint"]
        return mark


LifeOfAFolder.TestCase.settings = settings(
    sandbox.hostile, max_examples=max(2, CASES // 20), stateful_step_count=12
)
test_a_folder_lives_as_the_model_says = LifeOfAFolder.TestCase


def test_the_model_can_tell_what_a_result_was_made_from() -> None:
    """Were two of them alike, a result of the wrong store would pass for one of the right."""
    for method in METHODS:
        made = [right(pooling, method, epochs) for pooling in POOLINGS for epochs in EPOCHS]
        scores = {json.dumps([one["metrics"], one["confusion"]]) for one in made}
        assert len(scores) == len(made)


def test_a_life_with_every_step() -> None:
    """Every step of the machine at least once, which chance alone may not do in a few lives."""
    life = LifeOfAFolder()
    steps = [
        lambda: life.check(),
        lambda: life.train(epochs=1),
        lambda: life.ingest(pooling="mean", overwrite=False),
        lambda: life.check(),
        lambda: life.evaluate(method="late", epochs=1),
        lambda: life.evaluate(method="late", epochs=1),
        lambda: life.kill_ingest(pooling="max", share=0.4),
        lambda: life.ingest(pooling="mean", overwrite=True),
        lambda: life.kill_evaluate(method="acoustic", epochs=3, share=0.4),
        lambda: life.train(epochs=3),
        lambda: life.flip_a_bit(seed=1),
        lambda: life.check(),
        lambda: life.train(epochs=1),  # cannot be made any more
        lambda: life.train(epochs=3),  # was made before
        lambda: life.evaluate(method="acoustic", epochs=1),
        lambda: life.ingest(pooling="mean", overwrite=False),
        lambda: life.ingest(pooling="max", overwrite=False),
        lambda: life.kill_ingest(pooling="max", share=50),  # ends before it is killed
        lambda: life.check(),
        lambda: life.evaluate(method="late", epochs=1),
        lambda: life.kill_evaluate(method="visual", epochs=3, share=50),
    ]
    life.begin(pooling=None)
    try:
        for step in steps:
            step()
            life.results_are_whole()
        assert not life.damaged
        assert life.store == "max"
    finally:
        life.teardown()
