"""What a state that differs can cost at most, judged by the true cost of differing states."""

from __future__ import annotations

import numpy as np
import pytest

import headwater.model as m
from extensive_form import stage_value
from headwater.errors import ModelError
from headwater.sddp.bounds.prices import lipschitz_prices
from headwater.sddp.stage.problems import build_problems
from random_systems import STAGE_IDS, random_study
from small_systems import stages, study
from upper_bounds import with_config, with_plant_ahead

EXACT = m.UpperBoundConfig(enabled=True, scale_factor=1.0)
HOURS = 1000.0
HM3 = 0.0036 * HOURS
"""hm3 of one m3/s held over a stage of the systems built here."""


def prices_of(chosen: m.Study, config: m.UpperBoundConfig = EXACT):
    return lipschitz_prices(build_problems(chosen), config)[0]


def system(n_stages: int = 2, inflow: float = 20.0, **changes: object) -> m.System:
    """A plant of 0.5 MW per m3/s above one of 2, a thermal at 100, deficit at 1000, spilling at 1,
    and excess at 3.
    """
    hydro = {"spillage_cost": 1.0, "inflow_nonnegativity_cost": 7.0}
    base: dict[str, object] = {
        "stages": stages(n_stages, (HOURS,)),
        "buses": (m.Bus(0),),
        "hydros": (
            m.Hydro(0, 0, 100.0, 50.0, 100.0, productivity_mw_per_m3s=0.5, downstream_id=1),
            m.Hydro(1, 0, 100.0, 50.0, 100.0, productivity_mw_per_m3s=2.0),
        ),
        "thermals": (m.Thermal.flat(0, 0, 300.0, 100.0),),
        "penalties": m.Penalties(
            deficit_segments=(m.DeficitSegment(None, 1000.0),),
            excess_cost_per_mwh=3.0,
            hydro=m.HydroPenalties(**hydro),
        ),
        "load_statistics": tuple(m.LoadStatistics(0, t, 150.0) for t in range(n_stages)),
        "inflow_statistics": tuple(
            m.InflowStatistics(h, t, inflow, 0.0) for h in (0, 1) for t in range(n_stages)
        ),
        "initial": m.InitialConditions(storage_hm3={0: 50.0, 1: 50.0}),
    }
    return m.System(**{**base, **changes})  # type: ignore[arg-type]


def test_more_water_is_spilled_down_the_cascade():
    first = prices_of(study(system()))[0]
    per_hm3 = HOURS / HM3
    assert first.above == pytest.approx([2.0 * per_hm3, 1.0 * per_hm3])


def test_less_water_is_bought_where_it_can_be():
    first = prices_of(study(system(), method="penalty"))[0]
    assert first.below == pytest.approx([7.0 * HOURS / HM3] * 2)


def test_where_it_cannot_a_user_goes_without_and_so_does_the_plant_below():
    """The dearest use is the turbine.

    The deficit of its own power, and of the power of the plant below.
    """
    first = prices_of(study(system()))[0]
    per_hm3 = 1000.0 * HOURS / HM3
    assert first.below == pytest.approx([(0.5 + 2.0) * per_hm3, 2.0 * per_hm3])


def test_water_that_is_kept_has_the_price_of_the_next_stage():
    """Turbines stand still in the first two stages, so less water means less to keep for the
    third.
    """
    still = m.StageOverrides.from_rows(
        [{"hydro_id": h, "stage_id": t, "max_turbined_m3s": 0.0} for h in (0, 1) for t in (0, 1)],
        entity="hydro_id",
    )
    prices = prices_of(
        study(
            system(
                3, hydro_bound_overrides=still, policy_graph=m.PolicyGraph(annual_discount_rate=0.5)
            )
        )
    )
    discount = 1.5 ** -(30 / 365.25)
    assert prices[1].below == pytest.approx([2500.0 * HOURS / HM3, 2000.0 * HOURS / HM3])
    assert prices[0].below == pytest.approx(discount * prices[1].below)


def test_a_commitment_is_priced_through_the_segments_of_its_plant():
    ship = m.Thermal(
        5, 0, 40.0, (m.CostSegment(20.0, 30.0), m.CostSegment(20.0, 70.0)), gnl_lag_stages=2
    )
    chosen = system(
        thermals=(m.Thermal.flat(0, 0, 300.0, 100.0), ship),
        initial=m.InitialConditions(
            storage_hm3={0: 50.0, 1: 50.0}, gnl_pipeline_mw={(5, 1): 10.0, (5, 2): 20.0}
        ),
    )
    first = prices_of(study(chosen))[0]
    assert first.above[2:] == pytest.approx([(70.0 + 3.0) * HOURS, 0.0])
    assert first.below[2:] == pytest.approx([(1000.0 - 30.0) * HOURS, 0.0])


def test_negative_inflow_that_cannot_be_bought_leaves_no_price():
    with pytest.raises(ModelError, match="no price for the storage of hydro 0 after stage"):
        prices_of(study(system(inflow=-1.0)))


def test_the_fallback_stands_in_where_there_is_no_price():
    config = m.UpperBoundConfig(enabled=True, fallback_value=123.0, scale_factor=1.0)
    prices, certified = lipschitz_prices(build_problems(study(system(inflow=-1.0))), config)
    assert not certified
    assert prices[0].below == pytest.approx([123.0, 123.0])
    assert prices[0].above == pytest.approx([2.0 * HOURS / HM3, HOURS / HM3])


def test_derived_prices_are_scaled_and_the_last_stage_has_none():
    prices = prices_of(study(system()), m.UpperBoundConfig(enabled=True, scale_factor=2.0))
    assert prices[0].above == pytest.approx(2.0 * prices_of(study(system()))[0].above)
    assert not prices[-1].above.any()
    assert not prices[-1].below.any()


@pytest.mark.parametrize("seed", range(8))
def test_no_two_states_differ_by_more_than_the_price_of_the_way_between_them(seed: int):
    """True costs of random pairs of states, among them corners of the storage box, in
    which repairs are hardest.
    """
    chosen = random_study(seed)
    prices, rng = prices_of(chosen), np.random.default_rng(seed)
    most = np.array([hydro.max_storage_hm3 for hydro in chosen.system.hydros])
    n_lags = seed % 3

    def state() -> np.ndarray:
        corner = rng.integers(0, 2, len(most)) * 0.85
        storage = most * (corner if rng.random() < 0.5 else rng.uniform(0.0, 0.85, len(most)))
        return np.concatenate([storage, rng.uniform(5.0, 70.0, n_lags * len(most))])

    for t, stage_id in enumerate(STAGE_IDS[:-1]):
        states = [state() for _ in range(4)]
        costs = [
            stage_value(
                chosen.system,
                chosen.config,
                stage_id,
                x[: len(most)],
                x[len(most) :].reshape(n_lags, len(most)),
            )
            for x in states
        ]
        for x, cost in zip(states, costs, strict=True):
            for y, other in zip(states, costs, strict=True):
                assert cost <= other + prices[t].change(x - y) + 1e-6 * abs(cost)


def test_a_plant_ahead_does_not_change_what_water_costs():
    chosen = random_study(5)
    before = prices_of(chosen)[0]
    after = prices_of(with_plant_ahead(chosen, lag=1))[0]
    assert after.above[: len(before.above)] == pytest.approx(before.above)
    assert np.isfinite(after.below).all()
    assert len(after.above) == len(before.above) + 1


def test_the_explicit_form_has_the_same_prices():
    chosen = random_study(5)
    explicit = with_config(
        chosen,
        training=m.TrainingConfig(1, (m.IterationLimit(1),), formulation=m.Formulation.EXPLICIT),
    )
    for one, other in zip(prices_of(chosen), prices_of(explicit), strict=True):
        assert other.above == pytest.approx(one.above)
        assert other.below == pytest.approx(one.below)
