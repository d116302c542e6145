"""Training and simulation as a whole: reproducible, interruptible, balanced."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.errors import InfeasibleError, StopTraining
from headwater.sddp import SimulationChunk, train_policy
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.events import Event, IterationFinished
from headwater.sddp.passes import compiled_run as whole_pass
from headwater.sddp.simulation.simulation import simulate_policy
from small_systems import random_system, study


def without_timings(record: object) -> object:
    """A tree of dataclasses as plain values, without what a clock or the
    memory of the machine says.
    """
    if dataclasses.is_dataclass(record):
        named = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
        return {
            k: without_timings(v)
            for k, v in named.items()
            if not k.endswith("seconds") and k != "peak_memory_mb"
        }
    return [without_timings(item) for item in record] if isinstance(record, tuple) else record


def fingerprint(policy: Policy) -> list[bytes]:
    records = policy.training.iterations if policy.training else ()
    # rules speak of limits, in which trainings may differ that are the same otherwise
    trace = [
        repr(without_timings(dataclasses.replace(record, rules=()))).encode() for record in records
    ]
    cuts = [
        pool.coefficients[: pool.n_populated].tobytes()
        + pool.intercepts[: pool.n_populated].tobytes()
        for pool in policy.pools
    ]
    counts = [pool.times_binding[: pool.n_populated].tobytes() for pool in policy.pools]
    return trace + cuts + counts


def simulated(policy: Policy, chosen: m.Study, threads: int) -> list[SimulationChunk]:
    chunks: list[SimulationChunk] = []
    simulate_policy(policy, chosen, n_scenarios=7, threads=threads, sink=chunks.append)
    return chunks


SELECTIONS = [
    m.CutSelection(m.Level1(), check_frequency=2),
    m.CutSelection(m.LimitedMemory(1), check_frequency=3),
    m.CutSelection(m.Domination(), check_frequency=2, max_active_per_stage=9),
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_any_number_of_threads_gives_the_same_bytes_with_cut_selection(selection: m.CutSelection):
    chosen = study(
        random_system(7, n_openings=3),
        iterations=8,
        forward_passes=5,
        method="penalty",
        cut_selection=selection,
    )
    policies = [train_policy(chosen, threads=n) for n in (1, 2, 3)]
    assert any(record.cuts_removed for record in policies[0].training.iterations)
    assert fingerprint(policies[0]) == fingerprint(policies[1]) == fingerprint(policies[2])


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("method", ["penalty", "truncation"])
@pytest.mark.versions
def test_any_number_of_threads_gives_the_same_bytes(formulation: m.Formulation, method: str):
    chosen = study(
        random_system(7, n_openings=3),
        iterations=8,
        forward_passes=5,
        method=method,
        formulation=formulation,
    )
    policies = [train_policy(chosen, threads=n) for n in (1, 2, 3)]
    assert fingerprint(policies[0]) == fingerprint(policies[1]) == fingerprint(policies[2])
    one, two = simulated(policies[0], chosen, 1), simulated(policies[1], chosen, 3)
    for a, b in zip(one, two, strict=True):
        assert a.summary.total_cost.tobytes() == b.summary.total_cost.tobytes()
        for name, columns in a.tables.items():
            for column, values in columns.items():
                assert values.tobytes() == b.tables[name][column].tobytes(), (name, column)


@pytest.mark.versions
def test_the_lower_bound_never_falls_and_stays_below_the_simulated_cost():
    chosen = study(
        random_system(2, n_openings=3), iterations=25, forward_passes=4, method="penalty"
    )
    policy = train_policy(chosen)
    assert policy.training is not None
    bounds = np.array([record.lower_bound for record in policy.training.iterations])
    assert (np.diff(bounds) >= -1e-7 * np.abs(bounds[1:])).all()
    summary = np.concatenate([c.summary.total_cost for c in simulated(policy, chosen, 1)])
    assert summary.mean() > 0.5 * bounds[-1]


def test_a_callback_can_end_training_and_keeps_what_was_learned():
    def stop_at_three(event: Event) -> None:
        if isinstance(event, IterationFinished) and event.record.iteration == 3:
            raise StopTraining

    policy = train_policy(study(random_system(1), iterations=50), on_event=stop_at_three)
    assert policy.training is not None
    assert (policy.n_iterations, policy.training.reason, policy.training.converged) == (
        3,
        "shutdown",
        False,
    )


def test_an_interrupt_in_the_middle_of_an_iteration_leaves_the_last_complete_one(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(
        whole_pass, "ROWS_PER_CALL", 1
    )  # as in large studies: it is asked at every stage
    chosen = study(random_system(1, n_openings=3), iterations=50, forward_passes=2)
    whole = train_policy(
        dataclasses.replace(
            chosen, config=study(chosen.system, iterations=4, forward_passes=2).config
        )
    )
    calls = 0
    seen = 0

    def note(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, IterationFinished)

    def soon_after_four() -> bool:
        nonlocal calls
        calls += seen >= 4
        return calls > 5

    policy = train_policy(chosen, on_event=note, should_stop=soon_after_four)
    assert policy.n_iterations == 4
    assert fingerprint(policy) == fingerprint(whole)


@pytest.mark.versions
def test_water_and_power_balance_in_every_simulated_block():
    chosen = study(
        random_system(4, n_openings=3, n_lags=1), iterations=10, forward_passes=2, method="penalty"
    )
    policy = train_policy(chosen)
    system = chosen.system
    tables = simulated(policy, chosen, 1)[0].tables
    hydros, buses, lines, thermals = (
        tables[name] for name in ("hydros", "buses", "exchanges", "thermals")
    )
    hours = np.array([[b.hours for b in s.blocks] for s in system.stages])
    n_hydros, n_blocks, n_stages = len(system.hydros), 2, 3
    shape = (7, n_stages, n_blocks, n_hydros)
    h = {name: np.asarray(values, float).reshape(shape) for name, values in hydros.items()}
    zeta = 0.0036 * hours[None, :, :, None]
    withdrawal = system.bounds.hydro.water_withdrawal_m3s.T[None, :, None, :]
    taken = (
        withdrawal
        - h["water_withdrawal_violation_neg_m3s"]
        + h["water_withdrawal_violation_pos_m3s"]
    )
    net = h["inflow_m3s"] + h["inflow_nonnegativity_slack_m3s"] - h["outflow_m3s"] - taken
    final = h["storage_initial_hm3"][:, :, 0] + (zeta * net).sum(axis=2)
    assert final == pytest.approx(h["storage_final_hm3"][:, :, 0], abs=1e-6)
    carried = h["storage_final_hm3"][:, :-1, 0]
    assert carried == pytest.approx(h["storage_initial_hm3"][:, 1:, 0], abs=1e-9)

    supply = np.zeros((7, n_stages, n_blocks, 2))
    for position, bus in enumerate(system.network.bus["hydros"]):
        supply[..., bus] += h["generation_mw"][..., position]
    generation = thermals["generation_mw"].reshape(7, n_stages, n_blocks, -1)
    for position, bus in enumerate(system.network.bus["thermals"]):
        supply[..., bus] += generation[..., position]
    direct, reverse = (
        lines[n].reshape(7, n_stages, n_blocks) for n in ("direct_flow_mw", "reverse_flow_mw")
    )
    supply[..., 1] += 0.97 * direct - reverse
    supply[..., 0] += 0.97 * reverse - direct
    b = {
        name: np.asarray(values, float).reshape(7, n_stages, n_blocks, 2)
        for name, values in buses.items()
    }
    assert supply + b["deficit_mw"] - b["excess_mw"] == pytest.approx(b["load_mw"], abs=1e-6)


def test_cost_components_add_up_to_the_objective():
    chosen = study(
        random_system(5, n_openings=3), iterations=10, forward_passes=2, method="penalty"
    )
    policy = train_policy(chosen)
    chunk = simulated(policy, chosen, 1)[0]
    costs = chunk.tables["costs"]
    summed = sum(
        np.asarray(values, float)
        for name, values in costs.items()
        if name.endswith("_cost")
        and name not in ("total_cost", "immediate_cost", "future_cost", "hydro_violation_cost")
    )
    assert summed == pytest.approx(costs["immediate_cost"], rel=1e-9, abs=1e-6)
    per_scenario = (costs["immediate_cost"] * costs["discount_factor"]).reshape(7, -1).sum(axis=1)
    assert per_scenario == pytest.approx(chunk.summary.total_cost, rel=1e-9)


def test_an_infeasible_stage_names_the_stage_and_the_usual_cause():
    system = random_system(3, planes=False)
    parched = tuple(
        dataclasses.replace(s, mean_m3s=-400.0, std_m3s=1.0) for s in system.inflow_statistics
    )
    with pytest.raises(
        InfeasibleError, match=r"stage 0 \(2024-01-01.*negative inflow.*'penalty'"
    ) as caught:
        train_policy(study(dataclasses.replace(system, inflow_statistics=parched), method="none"))
    assert caught.value.stage_id == 0
