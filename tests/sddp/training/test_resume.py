"""A training that is interrupted and goes on gives the bits of one that was not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

import headwater as hw
from headwater.errors import PolicyError, ResultsError, SolverError, StopTraining
from headwater.model import (
    Checkpointing,
    CutFormulation,
    CutSelection,
    Domination,
    IterationLimit,
    Level1,
    LimitedMemory,
    PolicyConfig,
    UpperBoundConfig,
)
from headwater.policy import read_policy, write_policy
from headwater.results import TIMING_COLUMNS
from headwater.results.training_frames import convergence_frame
from headwater.sddp import Policy, events, train_policy
from headwater.sddp.passes import compiled_run as whole_pass
from headwater.sddp.training.iteration import Training
from small_systems import random_system, repeating, study
from trained_policies import fingerprint


def a_study(iterations: int = 8, **training: object) -> hw.Study:
    made = study(
        random_system(3, n_openings=2), iterations=iterations, forward_passes=3, method="penalty"
    )
    return with_training(made, **training)


def with_training(made: hw.Study, **training: object) -> hw.Study:
    changed = dataclasses.replace(made.config.training, **training)
    return dataclasses.replace(made, config=dataclasses.replace(made.config, training=changed))


def with_checkpoints(made: hw.Study, **settings: object) -> hw.Study:
    policy = PolicyConfig(checkpointing=Checkpointing(enabled=True, **settings))  # type: ignore[arg-type]
    return dataclasses.replace(made, config=dataclasses.replace(made.config, policy=policy))


def told(policy: Policy) -> tuple[object, ...]:
    """Everything of a policy and its training but the times."""
    record = policy.training
    assert record is not None
    assert policy.progress is not None
    arrays = {
        (part, t, name): (array.dtype, array.shape, array.tobytes())
        for part, stages in policy.progress.parts.items()
        for t, stage in enumerate(stages)
        for name, array in stage.items()
    }
    trace = convergence_frame(record).drop(TIMING_COLUMNS).to_dicts()
    return (
        fingerprint(policy),
        trace,
        record.reason,
        record.warnings,
        dict(record.solver_counts),
        arrays,
    )


def stop_after(iterations: int) -> events.EventSink:
    def sink(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished) and event.record.iteration == iterations:
            raise StopTraining

    return sink


@pytest.fixture(autouse=True)
def questions_at_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes through these small studies take one call.

    A study that asks whether to stop at every stage is a large one.
    """
    monkeypatch.setattr(whole_pass, "ROWS_PER_CALL", 1)


def stop_within(iteration: int, calls: int) -> tuple[events.EventSink, Callable[[], bool]]:
    """Asks to stop at the n-th question after an iteration was finished.

    In the middle of the next one.
    """
    left = [10**9]

    def sink(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished) and event.record.iteration == iteration:
            left[0] = calls

    def should_stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return sink, should_stop


SELECTIONS = {
    "no selection": None,
    "level 1": CutSelection(Level1(), check_frequency=2),
    "limited memory": CutSelection(LimitedMemory(1), check_frequency=1),
    "domination": CutSelection(Domination(), check_frequency=2),
    "a cap": CutSelection(max_active_per_stage=6),
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_a_resumed_training_gives_the_bits_of_an_uninterrupted_one(
    selection: CutSelection | None, tmp_path: Path
):
    made = a_study(cut_selection=selection)
    whole = told(train_policy(made))
    for iterations, calls in ((1, 2), (3, 3), (4, 4), (6, 5)):
        sink, should_stop = stop_within(iterations, calls)
        half = train_policy(made, on_event=sink, should_stop=should_stop)
        assert (half.n_iterations, half.training and half.training.reason) == (
            iterations,
            "shutdown",
        )
        write_policy(half, tmp_path)
        assert told(train_policy(made, resume=read_policy(tmp_path), threads=2)) == whole, (
            iterations,
            calls,
        )


def upper_bounded() -> hw.Study:
    made = a_study()
    config = dataclasses.replace(
        made.config,
        upper_bound=UpperBoundConfig(enabled=True, initial_iteration=2, interval_iterations=3),
    )
    return dataclasses.replace(made, config=config)


@pytest.mark.parametrize(
    "make",
    [
        upper_bounded,
        lambda: repeating(a_study()),
        lambda: a_study(cut_formulation=CutFormulation.MULTI),
    ],
    ids=["upper bound", "cycle", "multi"],
)
def test_whatever_else_a_training_does_is_resumed_too(make: Callable[[], hw.Study], tmp_path: Path):
    made = make()
    whole = told(train_policy(made))
    for iterations in (3, 5):
        write_policy(train_policy(made, on_event=stop_after(iterations)), tmp_path)
        assert told(train_policy(made, resume=read_policy(tmp_path), threads=2)) == whole, (
            iterations
        )


def test_a_training_may_be_interrupted_again_and_again(tmp_path: Path):
    made = a_study()
    policy = train_policy(made, on_event=stop_after(1))
    while policy.n_iterations < 8:
        write_policy(policy, tmp_path)
        policy = train_policy(
            made, resume=read_policy(tmp_path), on_event=stop_after(policy.n_iterations + 1)
        )
    assert told(policy) == told(train_policy(made))


def test_more_iterations_may_be_asked_for(tmp_path: Path):
    done = train_policy(a_study(3))
    write_policy(done, tmp_path)
    longer = hw.train(a_study(8), resume=tmp_path, threads=1)
    assert told(longer) == told(train_policy(a_study(8)))
    assert told(hw.train(a_study(3), resume=done, threads=1)) == told(done)


def test_without_bases_a_resumed_training_comes_to_the_same_bound(tmp_path: Path):
    made = with_checkpoints(a_study(), store_basis=False)
    write_policy(train_policy(made, on_event=stop_after(4)), tmp_path)
    back = read_policy(tmp_path)
    assert back.progress is not None
    assert "bases" not in back.progress.parts
    assert train_policy(made, resume=back).lower_bound == pytest.approx(
        train_policy(made).lower_bound, rel=1e-6
    )


CHANGES: dict[str, Callable[[hw.Study], hw.Study]] = {
    "training.forward_passes (3 there, 4 here)": lambda s: with_training(s, forward_passes=4),
    "training.tree_seed": lambda s: with_training(s, tree_seed=99),
    "training.cost_scale (None there, 10.0 here)": lambda s: with_training(s, cost_scale=10.0),
    "training.cut_selection": lambda s: with_training(s, cut_selection=SELECTIONS["level 1"]),
    "system.buses": lambda s: dataclasses.replace(
        s,
        system=dataclasses.replace(
            s.system, buses=tuple(dataclasses.replace(b, name="other") for b in s.system.buses)
        ),
    ),
    "system.thermals": lambda s: dataclasses.replace(
        s, system=dataclasses.replace(s.system, thermals=())
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_the_iterations_is_refused_by_name(what: str):
    earlier = train_policy(a_study(1))
    with pytest.raises(PolicyError, match="HW815") as caught:
        hw.train(CHANGES[what](a_study(2)), resume=earlier, threads=1)
    assert what in str(caught.value)
    assert "policy.mode 'warm_start'" in str(caught.value)


def test_another_solver_is_refused(monkeypatch: pytest.MonkeyPatch):
    earlier = train_policy(a_study(1))
    monkeypatch.setattr("headwater.sddp.training.fingerprint.highs_version", lambda: "HiGHS 0.0")
    with pytest.raises(PolicyError, match=r"solver \(HiGHS .* there, HiGHS 0.0 here\)"):
        hw.train(a_study(2), resume=earlier, threads=1)


def test_what_changes_no_iteration_may_differ():
    earlier = train_policy(a_study(1))
    other = with_training(a_study(2), stopping_rules=(IterationLimit(2),), threads=7)
    assert hw.train(other, resume=earlier, threads=1).n_iterations == 2


@dataclasses.dataclass(frozen=True)
class Patience(IterationLimit):
    """A rule of somebody else."""

    type = "patience"


def test_a_rule_of_somebody_else_must_be_the_same():
    earlier = train_policy(a_study(1))
    other = with_training(a_study(2), stopping_rules=(IterationLimit(2), Patience(2)))
    with pytest.raises(PolicyError, match=r"rules_of_packages \(nothing there, Patience of "):
        hw.train(other, resume=earlier, threads=1)
    same = hw.train(other, threads=1)
    assert "training.rules_of_packages" in same.fingerprint


def test_a_policy_that_only_has_cuts_cannot_be_resumed():
    bare = dataclasses.replace(train_policy(a_study(1)), progress=None)
    with pytest.raises(PolicyError, match=r"HW814 .*warm_start"):
        hw.train(a_study(2), resume=bare, threads=1)


def test_checkpoints_are_written_when_they_are_due(tmp_path: Path):
    saved: list[int] = []
    made = with_checkpoints(a_study(9), initial_iteration=2, interval_iterations=3)
    train_policy(made, save=lambda policy: saved.append(policy.n_iterations))
    assert saved == [2, 5, 8]


def test_a_checkpoint_written_under_way_can_be_gone_on_from(tmp_path: Path):
    made = with_checkpoints(a_study(), interval_iterations=3, keep=2)
    seen = []
    hw.train(made, checkpoints=tmp_path, threads=1, on_event=seen.append)
    written = [event.iteration for event in seen if isinstance(event, events.CheckpointWritten)]
    assert written == [1, 4, 7]
    assert sorted(path.name for path in tmp_path.glob("ckpt-*")) == ["ckpt-000004", "ckpt-000007"]
    assert told(hw.train(made, resume=tmp_path, threads=1)) == told(train_policy(made))


def test_a_full_disk_costs_a_checkpoint_not_the_training(caplog: pytest.LogCaptureFixture):
    def full(policy: Policy) -> None:
        raise ResultsError("no space left")

    made = with_checkpoints(a_study(4), interval_iterations=2)
    assert train_policy(made, save=full).n_iterations == 4
    assert "no checkpoint was written after iteration 1: no space left" in caplog.text


def test_after_an_error_what_was_learned_before_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = Training.iterate

    def fails(training: Training) -> object:
        if training.state.n_iterations == 3:
            with monkeypatch.context() as patch:
                patch.setattr("headwater.sddp.passes.chain.run_backward", _raise)
                return real(training)
        return real(training)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "iterate", fails)
        with pytest.raises(SolverError, match="lost"):
            hw.train(a_study(), checkpoints=tmp_path, threads=1)
    kept = read_policy(tmp_path)
    assert kept.n_iterations == 3
    assert told(hw.train(a_study(), resume=kept, threads=1)) == told(train_policy(a_study()))


def _raise(*_: object) -> int:
    raise SolverError("lost")
