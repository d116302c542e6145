"""Cases published with another program of this field: each must show its published figure."""

from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest

import headwater as hw
from extensive_form import extensive_form_value
from headwater.case import load_case
from headwater.model import Formulation, FphaPlane, IterationLimit
from headwater.stochastic import build_uncertainty, study_uncertainty
from published import FIGURES, case_directory
from published.hydro_cases import DISCOUNT_OF_THE_SECOND_STAGE

BEYOND_THE_EXTENSIVE_FORM = ("d08", "d15")
"""Cases with evaporation or non-controllable sources, which the extensive form does not cover."""

every_case = pytest.mark.parametrize("name", FIGURES)


def load(name, formulation=Formulation.CONDENSED):
    """The case with the iteration limit that its figure is promised for,
    and no other stopping rule.
    """
    case = load_case(case_directory(name))
    rules = (IterationLimit(FIGURES[name].iterations),)
    training = replace(case.config.training, stopping_rules=rules, formulation=formulation)
    return replace(case, config=replace(case.config, training=training))


@pytest.fixture(scope="module")
def trained():
    policies = {}

    def train(name, formulation=Formulation.CONDENSED):
        if (name, formulation) not in policies:
            policies[name, formulation] = hw.train(load(name, formulation), threads=1)
        return policies[name, formulation]

    return train


@every_case
def test_the_bound_reaches_the_published_figure_within_its_iterations(trained, name):
    policy, figure = trained(name), FIGURES[name]
    assert policy.lower_bound == pytest.approx(figure.lower_bound, rel=0.0, abs=figure.tolerance)
    assert len(policy.training.iterations) <= figure.iterations


@pytest.mark.parametrize(
    "name", [name for name in FIGURES if not name.startswith(BEYOND_THE_EXTENSIVE_FORM)]
)
def test_the_bound_equals_the_extensive_form(trained, name):
    case = load(name)
    assert trained(name).lower_bound == pytest.approx(
        extensive_form_value(case.system, case.config), rel=1e-6
    )


@every_case
def test_the_explicit_and_the_condensed_form_agree(trained, name):
    explicit, condensed = trained(name, Formulation.EXPLICIT), trained(name, Formulation.CONDENSED)
    assert explicit.lower_bound == pytest.approx(condensed.lower_bound, rel=1e-7)


@every_case
def test_the_bound_never_falls(trained, name):
    bounds = [record.lower_bound for record in trained(name).training.iterations]
    assert all(later >= earlier - 1e-9 * abs(earlier) for earlier, later in pairwise(bounds))


@every_case
def test_a_future_that_is_known_cannot_be_operated_for_less_than_the_bound(trained, name):
    """All these cases have a single opening per stage.

    A converged bound does not make every tied decision optimal.
    """
    case = load(name)
    openings = build_uncertainty(case.system, case.config.training.tree_seed).tree.probability
    assert all(len(probability) == 1 for probability in openings)
    simulation = hw.simulate(trained(name), n_scenarios=1)
    assert simulation.mean_cost >= trained(name).lower_bound * (1.0 - 1e-9)


@every_case
def test_training_found_a_schedule_that_costs_the_bound(trained, name):
    policy = trained(name)
    assert min(r.simulated_mean for r in policy.training.iterations) == pytest.approx(
        policy.lower_bound, rel=1e-6
    )


@pytest.mark.parametrize("name", [n for n, figure in FIGURES.items() if figure.simulated])
def test_the_simulated_mean_is_the_published_figure(trained, name):
    simulation = hw.simulate(trained(name), n_scenarios=1)
    figure = FIGURES[name]
    assert simulation.mean_cost == pytest.approx(figure.lower_bound, rel=0.0, abs=figure.tolerance)


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name, figure in FIGURES.items() for column in figure.violated],
)
def test_the_simulation_shows_the_violation_that_the_case_is_about(trained, name, column):
    hydros = hw.simulate(trained(name), n_scenarios=1).table("hydros")
    assert hydros[column].sum() > 0.0


def test_the_second_stage_is_discounted_by_the_days_of_the_first(trained):
    costs = hw.simulate(trained("d25-discount-rate"), n_scenarios=1).table("costs")
    factors = dict(costs.select("stage_id", "discount_factor").unique().iter_rows())
    assert factors == {0: 1.0, 1: pytest.approx(DISCOUNT_OF_THE_SECOND_STAGE, abs=1e-9)}
    assert factors[1] == pytest.approx(1.12 ** (-31 / 365.25), rel=1e-12)


def test_weeks_of_one_month_share_their_noise_and_train():
    case = load_case(case_directory("d29-weekly-par-noise-sharing"))
    uncertainty = study_uncertainty(case)
    assert uncertainty.noise_groups == (0, 0, 0, 0)
    for noise in uncertainty.tree.noise[1:]:
        assert (noise == uncertainty.tree.noise[0]).all()
    policy = hw.train(case, threads=1)
    assert policy.layout.block("inflow_accumulator").depth == 1
    assert policy.lower_bound > 0.0
    assert hw.simulate(policy, n_scenarios=2, threads=1).mean_cost > 0.0


def test_a_model_with_an_annual_term_is_fitted_exported_and_trained_with(tmp_path):
    case = load_case(case_directory("d12-par-annual"))
    assert len(case.system.inflow_history) == 720
    export = replace(case.config, export_stochastic=True)
    training = replace(case.config.training, stopping_rules=(IterationLimit(3),))
    study = replace(case, config=replace(export, training=training))
    result = hw.api.run_training(study, tmp_path, threads=1)
    annual = pl.read_parquet(tmp_path / "stochastic" / "inflow_annual_component.parquet")
    assert len(annual) > 0
    assert annual["annual_coefficient"].is_finite().all()
    assert (annual["annual_std_m3s"] > 0.0).all()
    bounds = [record.lower_bound for record in result.policy.training.iterations]
    assert len(bounds) == 3
    assert 0.0 < bounds[0] <= bounds[-1] * (1.0 + 1e-9)


def test_planes_are_computed_exported_and_trained_with(tmp_path):
    """The fitted planes, read back as a table of the case, give the optimum that training
    reached.
    """
    case = load_case(case_directory("d07-fpha-computed"))
    result = hw.run(case.root, tmp_path, threads=1)
    record = result.policy.training.iterations[-1]
    assert record.iteration <= 10
    assert abs(record.simulated_mean - record.lower_bound) <= 1e-6 * record.lower_bound
    table = pl.read_parquet(tmp_path / "hydro_models" / "fpha_hyperplanes.parquet")
    assert len(table) >= 2 * 3
    columns = (
        "hydro_id",
        "plane_id",
        "gamma_0",
        "gamma_v",
        "gamma_q",
        "gamma_s",
        "kappa",
        "stage_id",
    )
    planes = tuple(FphaPlane(*row) for row in table.select(columns).iter_rows())
    given = replace(case.system, fpha_planes=planes, production_models=())
    assert extensive_form_value(given, case.config) == pytest.approx(
        result.policy.lower_bound, rel=1e-6
    )
