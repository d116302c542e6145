"""A stage without its cuts in units of the solver.

As a linear program, and as compiled code reads it.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from headwater.arrays import Array
from headwater.equipment.hydro.state import memory_places
from headwater.lp import Scaling, StageForm
from headwater.sddp.kernels import trial_kernel as kernel
from headwater.sddp.stage.batches import NoiseBatch
from headwater.sddp.stage.sparse_products import multiply_each
from headwater.solver import SMALLEST_COEFFICIENT, LinearProgram
from headwater.solver.packing_kernel import Packed


def stage_arrays(
    form: StageForm, scaling: Scaling, psi: Array, *, truncates: bool
) -> kernel.StageArrays:
    """What a stage adds to its rows and takes from its columns, as compiled code reads it.

    All is in units of the solver.
    """
    in_lp, n_past = np.flatnonzero(form.state_column >= 0), form.template.n_past_inflows
    columns = np.ascontiguousarray(form.state_column[in_lp], np.int64)
    return kernel.StageArrays(
        row_lower=form.row_lower * scaling.row,
        row_upper=form.row_upper * scaling.row,
        rows_by_state=_matrix(form.state_to_rows, scaling.row),
        rows_by_innovation=_matrix(form.innovation_to_rows, scaling.row),
        exogenous_by_state=_matrix(form.exogenous_from_state),
        exogenous_by_innovation=_matrix(form.exogenous_from_innovation),
        exogenous=np.ascontiguousarray(form.exogenous, np.int64),
        psi=np.ascontiguousarray(psi[:, :n_past]),
        lag_places=np.ascontiguousarray(memory_places(form.template.layout)[:n_past].T, np.int64),
        truncates=truncates,
        in_lp=in_lp,
        columns=columns,
        column_scale=scaling.column[columns],
        column_lower=form.column_lower[columns],
        column_upper=form.column_upper[columns],
        stage_cost=form.stage_cost * scaling.column,
        future=np.ascontiguousarray(form.future, np.int64),
        future_weight=np.ascontiguousarray(form.future_weight),
        scale=float(form.cost_scale),
    )


def _matrix(matrix: sp.csr_array, row_scale: Array | None = None) -> kernel.Matrix:
    data = (
        matrix.data
        if row_scale is None
        else matrix.data * np.repeat(row_scale, np.diff(matrix.indptr))
    )
    return kernel.Matrix(
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), np.ascontiguousarray(data)
    )


def scaled_program(form: StageForm, scaling: Scaling) -> LinearProgram:
    """The program of a stage without cuts, in units of the solver."""
    matrix = scaling.matrix(form.matrix)
    matrix.data[np.abs(matrix.data) <= SMALLEST_COEFFICIENT] = 0.0
    matrix.eliminate_zeros()
    return LinearProgram(
        starts=matrix.indptr.astype(np.int32),
        indices=matrix.indices.astype(np.int32),
        values=np.ascontiguousarray(matrix.data),
        cost=form.cost * scaling.column,
        column_lower=form.column_lower / scaling.column,
        column_upper=form.column_upper / scaling.column,
        row_lower=form.row_lower * scaling.row,
        row_upper=form.row_upper * scaling.row,
        money=form.money / form.cost_scale,
    )


def noise_of(
    form: StageForm,
    scaling: Scaling,
    arrays: kernel.StageArrays,
    innovation: Array,
    load_mw: Array,
    available_mw: Array,
    factor: Array | None,
) -> NoiseBatch:
    """What openings add to the rows of a stage, in units of the solver.

    Its arguments are those of `StageProblem.noise_batch`.
    """
    innovation = np.ascontiguousarray(innovation)
    demand_shift = np.zeros((len(innovation), form.n_rows))
    for rows, values in ((form.load_rows, load_mw), (form.availability_rows, available_mw)):
        held = rows >= 0
        demand_shift[:, rows[held]] = values[:, :, : rows.shape[1]][:, held]
    demand_shift *= scaling.row
    row_shift = multiply_each(arrays.rows_by_innovation, innovation)
    exogenous = multiply_each(arrays.exogenous_by_innovation, innovation)
    none = np.empty((len(innovation), 0))
    factor = none if factor is None else np.ascontiguousarray(factor)
    return NoiseBatch(innovation, factor, demand_shift, demand_shift + row_shift, exogenous)


def bounds_of_openings(
    view: Packed,
    n_cuts: int,
    noise: NoiseBatch,
    state: Array,
    of_tree: bool,
    room: kernel.TrialRoom,
) -> tuple[Array, Array]:
    """Lower and upper row bounds of a stage at a state under every opening, ``[opening, row]``.

    Args:
        view: the stage.
        n_cuts: rows of cuts.
        noise: the openings.
        state: ``[n_state]`` incoming state.
        of_tree: whether these are the openings of the stage's tree, for which all is computed in
            one call.
        room: working memory.
    """
    block, given, openings = view.block, noise.arrays(), np.arange(len(noise))
    if of_tree:
        kernel.bounds_of_trial(
            block, n_cuts, given, openings, state, True, room.raised, room.flags, room
        )
        return room.row_lowers, room.row_uppers
    lowers, uppers = np.empty_like(room.row_lowers), np.empty_like(room.row_uppers)
    innovation, truncated = np.empty_like(room.raised), room.flags
    for w in openings:
        kernel.bounds_of_trial(
            block, n_cuts, given, openings[w : w + 1], state, False, innovation, truncated, room
        )
        lowers[w], uppers[w] = room.row_lowers[0], room.row_uppers[0]
    return lowers, uppers
