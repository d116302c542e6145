"""The canonical stage program: positions, coefficients and a fully worked optimum."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

import headwater.model as m
from headwater.lp import build_stage_template
from small_systems import layout_example, numeric_example, random_system

NONE, PENALTY = m.InflowNonNegativity.NONE, m.InflowNonNegativity.PENALTY
PSI = np.array([[0.5, 0.0], [0.3, 0.2], [0.1, 0.0]])


def test_columns_and_rows_of_the_layout_example_stand_where_the_formulas_say():
    template = build_stage_template(layout_example(), 0, PSI, inflow_method=NONE)
    assert (template.n_state, template.n_transfer, template.theta) == (9, 6, 9)
    assert (template.n_columns, template.n_static, template.n_cut_relevant) == (28, 18, 13)
    columns, rows = template.columns, template.rows
    assert columns["storage"].tolist() == [0, 1, 2]
    assert columns["inflow_lag"].tolist() == [[3, 4, 5], [6, 7, 8]]
    assert columns["thermal_segment"].tolist() == [[[10]]]
    assert (columns["line_direct"][0, 0], columns["line_reverse"][0, 0]) == (11, 12)
    assert (columns["deficit"].ravel().tolist(), columns["excess"].ravel().tolist()) == (
        [13, 15],
        [14, 16],
    )
    assert columns["inflow"].tolist() == [17, 18, 19]
    assert columns["turbined"].ravel().tolist() == [20, 22, 25]
    assert columns["spillage"].ravel().tolist() == [21, 23, 26]
    assert columns["generation"].ravel().tolist() == [-1, 24, -1]
    assert columns["negative_generation"].ravel().tolist() == [-1, 27, -1]
    assert rows["water_balance"].tolist() == [0, 1, 2]
    assert rows["lag_fixing"].tolist() == [[3, 4, 5], [6, 7, 8]]
    assert rows["fpha"][1, 0].tolist() == [9, 10, 11, 12]
    assert rows["load"].ravel().tolist() == [13, 14]
    assert rows["inflow"].tolist() == [15, 16, 17]
    assert template.out_column.tolist() == [0, 1, 2, 17, 18, 19, 3, 4, 5]


def test_the_inflow_slack_columns_precede_the_recourse_of_the_planes():
    template = build_stage_template(layout_example(), 0, PSI, inflow_method=PENALTY)
    assert template.columns["inflow_slack"].tolist() == [27, 28, 29]
    assert template.columns["negative_generation"][1, 0] == 30
    assert template.n_columns == 31


def test_three_blocks_move_rows_but_not_the_future_cost():
    system = layout_example()
    blocks = tuple(m.Block(h) for h in (100.0, 300.0, 330.0))
    stages = tuple(m.Stage(s.id, s.start_date, s.end_date, blocks) for s in system.stages)
    template = build_stage_template(
        dataclasses.replace(system, stages=stages), 0, PSI, inflow_method=NONE
    )
    assert template.theta == 9
    assert template.n_cut_relevant == 21
    assert template.rows["load"].ravel().tolist() == [21, 22, 23, 24, 25, 26]
    assert template.rows["inflow"].tolist() == [27, 28, 29]


def test_the_sensitivity_collects_the_balance_and_every_plane():
    template = build_stage_template(layout_example(), 0, PSI, inflow_method=NONE)
    dense = template.sensitivity.toarray()
    assert np.array_equal(dense[:9, :9], np.eye(9))
    assert dense[9:13, 1].tolist() == [0.05, 0.05, 0.05, 0.05]
    assert np.count_nonzero(dense) == 13


class TestNumericExample:
    """Every row, column, dual and the cut of the worked example."""

    STATE = np.array([100.0, 36.0])
    CUTS = ((5_000_000.0, (-20_000.0, -3_000.0)), (4_200_000.0, (-14_000.0, -2_000.0)))

    def solve(self, state: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        template = build_stage_template(
            numeric_example(), 0, np.array([[0.5]]), inflow_method=PENALTY
        )
        shift = template.sensitivity @ state
        lower, upper = template.row_lower + shift, template.row_upper + shift
        inflow, load = template.rows["inflow"][0], template.rows["load"][0]
        for bounds in (lower, upper):
            bounds[inflow] += 18.0 + 8.0 * 0.5
            bounds[load] += np.array([100.0, 72.0])
        cut_rows = np.zeros((2, template.n_columns))
        for row, (_, slopes) in zip(cut_rows, self.CUTS, strict=True):
            row[template.theta] = 1.0
            row[template.out_column] -= slopes
        matrix = sp.vstack([template.matrix, cut_rows]).tocsr()
        lower = np.concatenate([lower, [alpha for alpha, _ in self.CUTS]])
        upper = np.concatenate([upper, [np.inf, np.inf]])
        equal = lower == upper
        less = ~equal & np.isfinite(upper)
        greater = ~equal & np.isfinite(lower)
        result = scipy.optimize.linprog(
            template.cost,
            A_ub=sp.vstack([matrix[less], -matrix[greater]]),
            b_ub=np.concatenate([upper[less], -lower[greater]]),
            A_eq=matrix[equal],
            b_eq=lower[equal],
            bounds=np.column_stack([template.column_lower, template.column_upper]),
            method="highs",
        )
        duals = np.zeros(len(lower))
        duals[equal] = result.eqlin.marginals
        duals[less] += result.ineqlin.marginals[: less.sum()]
        duals[greater] -= result.ineqlin.marginals[less.sum() :]
        return result.fun, result.x, duals

    def test_the_optimum_is_the_worked_one(self):
        objective, x, _ = self.solve(self.STATE)
        assert objective == pytest.approx(4_968_467.603278, abs=1e-4)
        assert x[2] == pytest.approx(3_521_280.0)
        expected = [
            67.936,
            36,
            3_521_280,
            30,
            16,
            30,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            40,
            60,
            0,
            46.6666666667,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]
        assert x == pytest.approx(expected, abs=1e-6)

    def test_the_duals_are_the_worked_ones(self):
        _, _, duals = self.solve(self.STATE)
        expected = [
            -19_904.509742,
            -27_289.082857,
            24_000,
            41_401.380264,
            -54_578.165714,
            0,
            0,
            0,
            0.995225,
            0,
        ]
        assert duals == pytest.approx(expected, abs=1e-4)

    def test_bounds_costs_and_coefficients_are_the_worked_ones(self):
        template = build_stage_template(
            numeric_example(), 0, np.array([[0.5]]), inflow_method=PENALTY
        )
        assert (template.n_state, template.theta, template.n_cut_relevant, template.n_static) == (
            2,
            2,
            2,
            8,
        )
        assert template.discount == pytest.approx(0.9952254871, abs=1e-10)
        assert template.cost[3:13].tolist() == [
            10_000,
            24_000,
            26_000,
            62_400,
            200_000,
            1_000_000,
            0.2,
            520_000,
            2_600_000,
            0.52,
        ]
        assert template.column_lower[3:7].tolist() == [5, 0, 5, 0]
        assert template.column_upper[3:9].tolist() == [30, 40, 30, 40, 20, np.inf]
        assert template.column_upper[14:24].tolist() == [
            60,
            np.inf,
            60,
            np.inf,
            2,
            np.inf,
            np.inf,
            20,
            15,
            15,
        ]
        balance = template.matrix.toarray()[0]
        assert balance[[0, 13, 14, 15, 16, 17, 18, 19, 20]] == pytest.approx(
            [1, -2.592, 0.72, 0.72, 1.872, 1.872, -2.592, 2.592, -2.592]
        )
        assert template.row_lower[0] == pytest.approx(-5.184)

    def test_the_cut_slope_agrees_with_finite_differences(self):
        template = build_stage_template(
            numeric_example(), 0, np.array([[0.5]]), inflow_method=PENALTY
        )
        _, _, duals = self.solve(self.STATE)
        slope = template.sensitivity.T @ duals[: template.n_static]
        assert slope == pytest.approx([-19_904.509742, -27_289.082857], abs=1e-5)
        for j in range(2):
            step = np.zeros(2)
            step[j] = 0.5
            difference = self.solve(self.STATE + step)[0] - self.solve(self.STATE - step)[0]
            assert difference == pytest.approx(slope[j], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_entities_are_given_leaves_the_program_byte_for_byte_the_same(seed: int):
    system = random_system(seed)
    rng = np.random.default_rng(seed)
    shuffled = {}
    for field in dataclasses.fields(system):
        value = getattr(system, field.name)
        if isinstance(value, tuple) and len(value) > 1:
            shuffled[field.name] = tuple(value[i] for i in rng.permutation(len(value)))
    psi = np.full((len(system.hydros), 1), 0.3)
    for t in range(3):
        one = build_stage_template(system, t, psi)
        other = build_stage_template(dataclasses.replace(system, **shuffled), t, psi)
        for name in ("cost", "column_lower", "column_upper", "row_lower", "row_upper"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("data", "indices", "indptr"):
            assert getattr(one.matrix, name).tobytes() == getattr(other.matrix, name).tobytes()
            assert (
                getattr(one.sensitivity, name).tobytes()
                == getattr(other.sensitivity, name).tobytes()
            )
