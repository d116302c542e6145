"""Inflow models and noise on horizons that repeat."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from headwater.errors import ModelError, UnsupportedFeatureError
from headwater.model import (
    External,
    ExternalScenarios,
    GraphType,
    InflowStatistics,
    InitialConditions,
    InSample,
    OutOfSample,
    PolicyGraph,
    SamplingMethod,
    ScenarioSource,
    SelectionMode,
    Stage,
    System,
    Transition,
)
from headwater.stochastic import (
    build_inflow_model,
    build_uncertainty,
    simulation_sampler,
    training_sampler,
)

STD = (30.0, 20.0, 15.0, 25.0)
MEAN = (100.0, 80.0, 60.0, 90.0)


def around(system: System, back_to: int = 0) -> System:
    return replace(
        system,
        policy_graph=PolicyGraph(
            GraphType.CYCLIC, 0.1, (Transition(system.stages[-1].id, back_to),)
        ),
    )


def statistics(
    phi: tuple[float, ...], n: int = 4, ratio: float | None = 0.8
) -> tuple[InflowStatistics, ...]:
    return tuple(InflowStatistics(0, t, MEAN[t % 4], STD[t % 4], phi, ratio) for t in range(n))


def past(*values: float) -> InitialConditions:
    return InitialConditions(past_inflows_m3s={0: values})


def test_the_stage_before_the_first_is_the_last(make_system):
    system = around(
        make_system(4, inflow_statistics=statistics((0.5, 0.2)), initial=past(70.0, 65.0))
    )
    model = build_inflow_model(system)
    assert model.psi[0, 0] == pytest.approx([0.5 * 30 / 25, 0.2 * 30 / 15])
    assert model.psi[1, 0] == pytest.approx([0.5 * 20 / 30, 0.2 * 20 / 25])
    assert model.psi[2, 0] == pytest.approx([0.5 * 15 / 20, 0.2 * 15 / 30])
    assert model.base[0, 0] == pytest.approx(100.0 - 0.6 * 90.0 - 0.4 * 60.0)
    assert model.warnings == ()


def test_stages_before_the_cycle_are_not_part_of_it(make_system):
    system = around(
        make_system(5, inflow_statistics=statistics((0.5,), n=5), initial=past(70.0)), back_to=1
    )
    psi = build_inflow_model(
        replace(
            system,
            pre_study_stages=(make_system(1, n_pre_study=1)).pre_study_stages,
            inflow_statistics=(*system.inflow_statistics, InflowStatistics(0, -1, 50.0, 10.0)),
        )
    ).psi[:, 0, 0]
    # stage 0 follows the period before the study, stage 1 the last one of the cycle, stage 4
    assert psi == pytest.approx(
        [0.5 * 30 / 10, 0.5 * 20 / 30, 0.5 * 15 / 20, 0.5 * 25 / 15, 0.5 * 30 / 25]
    )


def test_one_stage_follows_itself(make_system):
    model = build_inflow_model(
        around(
            make_system(
                1, inflow_statistics=statistics((0.6, 0.1), 1, None), initial=past(70.0, 60.0)
            )
        )
    )
    assert model.psi[0, 0] == pytest.approx([0.6, 0.1])
    rho = 0.6 / (1.0 - 0.1)
    assert model.sigma[0, 0] == pytest.approx(
        30.0 * np.sqrt(1.0 - 0.6 * rho - 0.1 * (0.6 * rho + 0.1))
    )


def test_seasons_close_the_circle_whatever_the_period_before_the_study_was(make_system, quarters):
    parts = {"months_per_stage": 3, "season_map": quarters, "n_pre_study": 1, "initial": past(70.0)}
    rows = (*statistics((0.5,)), InflowStatistics(0, -1, 10.0, 5.0))
    straight = make_system(4, seasons=range(4), pre_seasons=[3], inflow_statistics=rows, **parts)
    assert build_inflow_model(straight).psi[0, 0, 0] == pytest.approx(0.5 * 30 / 5)
    assert build_inflow_model(around(straight)).psi[0, 0, 0] == pytest.approx(0.5 * 30 / 25)
    parts["n_pre_study"] = 0
    two_years = make_system(
        8, seasons=[0, 1, 2, 3] * 2, inflow_statistics=statistics((0.5,), n=8), **parts
    )
    model = build_inflow_model(around(two_years, back_to=4))
    assert model.psi[4, 0, 0] == pytest.approx(0.5 * 30 / 25)


def test_a_cycle_that_skips_seasons_is_refused_only_where_inflows_remember(make_system, quarters):
    parts = {"seasons": range(3), "months_per_stage": 3, "season_map": quarters}
    system = around(
        make_system(3, inflow_statistics=statistics((0.5,), n=3), initial=past(70.0), **parts)
    )
    with pytest.raises(
        ModelError, match=r"back to stage 0 \(season 0\), which is not the season that follows"
    ):
        build_inflow_model(system)
    assert (
        build_inflow_model(
            around(make_system(3, inflow_statistics=statistics((), n=3, ratio=None), **parts))
        ).n_lags
        == 0
    )


def test_parts_of_a_season_period_are_refused_on_a_cycle_where_inflows_remember(
    make_system, months
):
    system = make_system(1)
    weeks = tuple(
        Stage(t, start, end, system.stages[0].blocks, season_id=0)
        for t, (start, end) in enumerate(
            [
                (system.stages[0].start_date, system.stages[0].start_date.replace(day=15)),
                (system.stages[0].start_date.replace(day=15), system.stages[0].end_date),
            ]
        )
    )
    split = make_system(
        2,
        stages=weeks,
        season_map=months,
        inflow_statistics=statistics((0.3,), n=2),
        initial=past(50.0),
    )
    with pytest.raises(UnsupportedFeatureError, match="not one season period each"):
        build_inflow_model(around(split))


def test_a_model_that_does_not_forget_round_the_cycle_is_refused(make_system):
    with pytest.raises(
        ModelError, match=r"multiplied by 1\.04 per cycle\); a cyclic horizon needs a stable model"
    ):
        build_inflow_model(
            around(make_system(2, inflow_statistics=statistics((1.02,), n=2), initial=past(50.0)))
        )


@pytest.mark.parametrize("method", [SamplingMethod.SAA, SamplingMethod.LHS])
@pytest.mark.parametrize("scheme", [InSample(), OutOfSample()])
@pytest.mark.parametrize("make", [training_sampler, simulation_sampler])
def test_every_turn_draws_anew(make_system, make, scheme, method):
    system = make_system(3, n_openings=50)
    system = around(
        replace(
            system, stages=tuple(replace(stage, sampling_method=method) for stage in system.stages)
        )
    )
    uncertainty = build_uncertainty(system, 3)
    sampler = make(uncertainty, ScenarioSource(scheme, scheme, scheme, seed=9), 3, 64)
    drawn = {
        (t, turn): sampler.noise(t, 1, np.arange(64), turn) for t in range(3) for turn in range(3)
    }
    first = [sampler.noise(t, 1, np.arange(64)) for t in range(3)]
    assert all(drawn[t, 0].tobytes() == first[t].tobytes() for t in range(3))
    for one, other in itertools.combinations(drawn.values(), 2):
        assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.5
        assert not np.array_equal(one, other)


def test_a_turn_of_external_scenarios_goes_on_with_the_next(make_system):
    system = around(make_system(2))
    values = np.arange(10.0).reshape(2, 5, 1) * 10.0
    external = ExternalScenarios(entity_ids=(0,), values={0: values[0], 1: values[1]})
    uncertainty = build_uncertainty(replace(system, external_inflows=external), 3)
    source = ScenarioSource(External(), seed=1, inflow_selection=SelectionMode.SEQUENTIAL)
    sampler = simulation_sampler(uncertainty, source, 3, 5)
    turns = [sampler.noise(1, 0, np.arange(5), turn)[:, 0] for turn in range(3)]
    assert turns[1].tolist() == np.roll(turns[0], -1).tolist()
    assert turns[2].tolist() == np.roll(turns[0], -2).tolist()
    for mode in (SelectionMode.RANDOM, SelectionMode.PERMUTATION):
        sampler = simulation_sampler(uncertainty, replace(source, inflow_selection=mode), 3, 5)
        once, again = (sampler.noise(1, 0, np.arange(5), turn)[:, 0] for turn in (0, 1))
        assert set(again) <= set(turns[0])
        assert once.tolist() != again.tolist()
