"""That each race runs from start to end, on sizes where nothing takes long."""

import io
import json
import runpy
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import race_programs
import torch
from floor_worker import Products, divided, stacked
from plain_ingest import WORK, Features
from race_plan import HERE, MEMR, Plan
from race_tables import as_json, as_markdown
from race_workers import Question, Worker
from races import run_race
from run_races import RACES, measure

FIGURES = {"wall": 1.0, "cpu": 1.0, "peak": 1.0}
DIMS = {"visual": 12, "acoustic": 8, "lexical": 10}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """All races share the corpora, which are made when first needed."""
    return Plan(
        folder=tmp_path_factory.mktemp("bench"),
        runs=1,
        epochs=1,
        long_bytes=20_000,
        utterances=120,
        frames=3,
        dims=DIMS,
        long_shape=(20, 16),
        growth=(50, 100),
        seeds=(1, 2),
    )


def check(name: str, plan: Plan) -> None:
    with RACES[name](plan) as race:
        outcome = run_race(replace(race, rounds=1, warm_ups=0), lambda _: None)
    (written,) = json.loads(json.dumps(as_json([outcome], {}, {}), allow_nan=False))["races"]
    assert [ratio["what"] for ratio in written["ratios"]] == [each.what for each in race.ratios]
    assert all(len(ratio["rounds"]) == 1 for ratio in written["ratios"])
    for figures in written["contenders"].values():
        assert figures.keys() & {"wall", "step", "utterance"}
    assert all(f"| {ratio.what} |" in as_markdown([outcome], {}, {}) for ratio in race.ratios)
    assert not [*plan.folder.glob("large-*"), *plan.folder.glob("long*")]


WITH_TORCH = ("memory", "reused", "seeds", "table")


@pytest.mark.parametrize("name", [name for name in RACES if name not in WITH_TORCH])
def test_a_race_runs_and_leaves_only_what_others_use(name: str, plan: Plan) -> None:
    check(name, plan)


@pytest.mark.parametrize("name", WITH_TORCH)
@pytest.mark.usefixtures("_within_this_process")
def test_a_race_of_programs_that_load_torch_runs_too(name: str, plan: Plan) -> None:
    check(name, plan)


@pytest.fixture
def _within_this_process(monkeypatch: pytest.MonkeyPatch, memr: Callable[..., Any]) -> None:
    """Run programs here: loading torch for each anew takes longer than all else."""

    def launch(command: Sequence[str]) -> tuple[str, dict[str, float]]:
        program, first, *arguments = command
        if program == MEMR:
            ran = memr(first, *arguments)
            assert ran.code == 0, ran.stderr
            return ran.stdout, FIGURES
        if first != "-c":
            monkeypatch.setattr(sys, "argv", [first, *arguments])
            with redirect_stdout(io.StringIO()) as stdout:
                runpy.run_path(first, run_name="__main__")
            return stdout.getvalue(), FIGURES
        return "", FIGURES

    monkeypatch.setattr(race_programs, "launch", launch)


def test_a_race_that_fails_is_named_and_the_others_go_on(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(plan, folder=tmp_path, utterances=1)
    outcomes, failures = measure(broken, ("reused", "start-up"), tmp_path)
    assert failures == ["reused"]
    assert [outcome.race.name for outcome in outcomes] == ["start-up"]
    assert "at least 10, not 1" in capsys.readouterr().err
    assert (tmp_path / "bench.json").exists()


def test_a_worker_answers_until_it_ends_and_then_says_why(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    serving = "from race_workers import serve\nserve(lambda request: 12 / request['by'])\n"
    program.write_text(f"import sys\nsys.path.append({str(HERE)!r})\n{serving}")
    with Worker(str(program)) as worker:
        asked = [Question("", worker, {"by": by}, "step", 2).run() for by in (1, 3)]
        assert [run.figures for run in asked] == [{"step": 6.0}, {"step": 2.0}]
        with pytest.raises(RuntimeError, match=r"(?s)exited with 1:.*KeyError: 'by'"):
            Question("", worker, {}, "step", 2).run()


def test_the_floor_fills_the_gradients_that_backpropagation_gives() -> None:
    products = Products((6, 4, 2, 3), models=2, batch=5, device="cpu")
    weights = [weight.clone().requires_grad_() for weight in products.weights]
    values = products.inputs
    for weight in weights:
        values = values @ weight
    torch.autograd.backward(values, products.of_scores)
    before = products.parameters.clone()
    products.steps(1)
    for filled, weight in zip(products.weight_gradients, weights, strict=True):
        assert weight.grad is not None
        np.testing.assert_allclose(filled.numpy(), weight.grad.numpy(), rtol=1e-4, atol=1e-8)
    assert products.n_steps == 1
    assert abs(products.parameters - before).max() < 1e-6


def test_both_arrangements_of_the_floor_do_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[int, int]] = []
    monkeypatch.setattr(
        Products, "steps", lambda self, count: done.append((len(self.parameters), count))
    )
    request = {"dim": 6, "hidden": 4, "classes": 3, "models": 5, "batch": 2, "rows": 8, "epochs": 3}
    stacked(request, "cpu")
    assert done[1:] == [(5, 12)]
    done.clear()
    divided(request, 2)
    assert done[5:] == [(1, 4)] * 15


@pytest.mark.parametrize("work", WORK)
def test_a_plain_program_goes_through_every_file_of_a_folder_and_of_a_zip(
    work: str, plan: Plan
) -> None:
    for raw in (plan.raw(), plan.archive()):
        assert WORK[work](Features(raw)) == plan.utterances * len(DIMS)
