import numpy as np
import pytest
from sklearn import metrics as sk

from memr_cli.evaluation import bootstrap
from memr_cli.evaluation.bootstrap import Sample, clustered_interval, replicate_scores
from memr_cli.evaluation.metrics import METRICS, confusion, scores


def drawn_sample(*, n_outer: int, spread: float, n_seeds: int = 1, per_dialogue: int = 8) -> Sample:
    """Sessions of 12 dialogues that differ in how often decisions are right; 5 folds."""
    rng = np.random.default_rng(7)
    outer = np.repeat(np.arange(n_outer), 12 * per_dialogue)
    inner = np.repeat(np.arange(n_outer * 12), per_dialogue)
    true = rng.integers(4, size=outer.size)
    chance = np.clip(0.6 + spread * rng.normal(size=n_outer * 12), 0.05, 0.95)[inner]
    fold = (outer + rng.integers(2, size=outer.size)) % 5
    parts = []
    for seed in range(n_seeds):
        right = rng.random(outer.size) < chance
        predicted = np.where(right, true, (true + 1) % 4)
        parts.append((fold, np.full_like(fold, seed), true, predicted, outer, inner))
    return Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)), n_classes=4)


def mean_over_folds(sample: Sample, repeats: np.ndarray, often: np.ndarray) -> dict[str, float]:
    """The statistic written out by repeating rows; `often` is (n,) draws of the outer stage."""
    totals = dict.fromkeys(METRICS, 0.0)
    norm = 0.0
    for fold in np.unique(sample.fold):
        inside = sample.fold == fold
        weight = often[inside].mean()
        by_seed = []
        for seed in np.unique(sample.seed[inside]):
            rows = inside & (sample.seed == seed)
            true, predicted = (
                np.repeat(a[rows], repeats[rows]) for a in (sample.true, sample.predicted)
            )
            if not true.size:
                continue
            by_seed.append(scores(confusion(true, predicted, sample.n_classes)))
            assert by_seed[-1]["accuracy"] == sk.accuracy_score(true, predicted)
        if not by_seed:
            continue
        for name in METRICS:
            totals[name] += weight * float(np.mean([s[name] for s in by_seed]))
        norm += weight
    return {name: total / norm for name, total in totals.items()}


def interval(sample: Sample, seed: int = 0, **options: int) -> tuple[float, float]:
    found = clustered_interval(sample, np.random.default_rng(seed), **options)[0]["accuracy"]
    assert found is not None
    return found


def test_a_replicate_is_the_score_of_the_repeated_rows() -> None:
    sample = drawn_sample(n_outer=4, spread=0.2, n_seeds=2)
    pairs = bootstrap._pairs(sample)
    often, weights = bootstrap._draw(pairs, np.random.default_rng(0), 20)
    found = replicate_scores(sample, np.random.default_rng(0), 20)
    for r in range(20):
        repeats = weights[r].astype(int)[pairs.of_row]
        expected = mean_over_folds(sample, repeats, often[r][pairs.of_row])
        assert {name: found[name][r] for name in METRICS} == pytest.approx(expected)


def test_a_session_drawn_m_times_gives_m_times_its_dialogues() -> None:
    sample = drawn_sample(n_outer=4, spread=0.2)
    pairs = bootstrap._pairs(sample)
    often, weights = bootstrap._draw(pairs, np.random.default_rng(0), 2000)
    for outer in range(4):
        members = pairs.outer == outer
        assert np.array_equal(weights[:, members].sum(axis=1), 12 * often[:, members][:, 0])
    assert (often[:, ::12].sum(axis=1) == 4).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(48), abs=0.15)
    assert weights.max() > 1


def test_a_left_out_session_drawn_twice_counts_twice() -> None:
    session = np.repeat([0, 1], 10)
    right = session == 0
    sample = Sample(
        fold=session,
        seed=np.zeros(20, int),
        true=np.zeros(20, int),
        predicted=np.where(right, 0, 1),
        outer=session,
        inner=np.full(20, -1),
        n_classes=2,
    )
    values, counts = np.unique(
        replicate_scores(sample, np.random.default_rng(0), 4000)["accuracy"], return_counts=True
    )
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_a_fold_without_a_drawn_row_does_not_count_as_wrong() -> None:
    part = np.repeat([0, 1], 5)  # two dialogues of one session, each tested by its own fold
    nothing = np.zeros(10, int)
    sample = Sample(part, nothing, nothing, nothing, nothing, part, n_classes=2)
    found = replicate_scores(sample, np.random.default_rng(0), 50)
    assert (found["accuracy"] == 1).all()


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_the_interval_of_every_metric_brackets_the_estimate(n_seeds: int) -> None:
    sample = drawn_sample(n_outer=12, spread=0.2, n_seeds=n_seeds)
    once = np.ones(sample.true.size, int)
    estimate = mean_over_folds(sample, once, once)
    found, notes = clustered_interval(sample, np.random.default_rng(0))
    assert tuple(found) == METRICS
    assert notes == ()
    for name, ends in found.items():
        assert ends is not None
        assert ends[0] < estimate[name] < ends[1], name


def test_rows_that_resemble_each_other_widen_the_interval() -> None:
    def width(spread: float) -> float:
        low, high = interval(drawn_sample(n_outer=12, spread=spread))
        return high - low

    assert width(0.35) > 1.4 * width(0.0)


def test_a_lower_level_narrows_the_interval() -> None:
    sample, rng = drawn_sample(n_outer=12, spread=0.2), np.random.default_rng(0)
    narrow = clustered_interval(sample, rng, level=0.5)[0]["uar"]
    wide = clustered_interval(sample, rng, level=0.95)[0]["uar"]
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_one_seed_gives_one_interval() -> None:
    sample = drawn_sample(n_outer=5, spread=0.2)
    assert interval(sample, 3) == interval(sample, 3)
    assert interval(sample, 3) != interval(sample, 4)


def test_draws_depend_on_the_clusters_alone() -> None:
    one, three = (drawn_sample(n_outer=5, spread=0.0, n_seeds=s) for s in (1, 3))
    draws = [
        bootstrap._draw(bootstrap._pairs(s), np.random.default_rng(0), 50)[1] for s in (one, three)
    ]
    assert np.array_equal(*draws)


def test_few_clusters_are_called_rough() -> None:
    _, notes = clustered_interval(
        drawn_sample(n_outer=5, spread=0.2), np.random.default_rng(0), outer_name="speakers"
    )
    assert notes == ("the interval rests on 5 speakers; under 10 it is rough",)


def test_of_one_session_the_dialogues_are_drawn() -> None:
    sample = drawn_sample(n_outer=1, spread=0.2)
    found, (note,) = clustered_interval(sample, np.random.default_rng(0))
    assert found["accuracy"] is not None
    assert found["accuracy"][0] < found["accuracy"][1]
    assert "sessions: 1" in note


def test_a_single_cluster_has_no_interval() -> None:
    nothing, ones = np.zeros(6, int), np.ones(6, int)
    sample = Sample(nothing, nothing, nothing, ones, nothing, -ones, 2)
    found, (note,) = clustered_interval(sample, np.random.default_rng(0), outer_name="speakers")
    assert found == dict.fromkeys(METRICS)
    assert note == "no interval: the scored utterances form a single cluster (speakers: 1)"


def test_an_empty_sample_is_refused() -> None:
    nothing = np.zeros(0, int)
    with pytest.raises(ValueError, match="at least one scored row"):
        clustered_interval(Sample(*[nothing] * 6, n_classes=2), np.random.default_rng(0))
