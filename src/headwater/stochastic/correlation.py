"""Spatial correlation of the noise.

Factors of the user's matrices and their application to independent draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import CorrelationGroup, FactorMethod, NoiseClass, System
from headwater.stochastic.layout import NoiseLayout

MATRIX_TOLERANCE = 1e-9
"""How far a matrix may be from symmetric, from a unit diagonal, and beyond [-1, 1]."""

_REPAIRABLE = 0.10
"""Negative eigenvalues up to this share of the largest are clipped; beyond, the matrix is taken for
an input error.
"""

_ROUNDING = 1e-12
"""Negative eigenvalues up to this share of the largest are rounding of zero."""


@dataclass(frozen=True, eq=False)
class _GroupFactor:
    """Entries of the noise vector that belong to a group.

    The factor ``D`` of its matrix comes with them, ``D @ D.T = C``.
    """

    entries: NDArray[np.int64]
    factor: Array


@dataclass(frozen=True, eq=False)
class Correlator:
    """Turns independent standard normal draws into correlated ones, stage by stage.

    Attributes:
        groups: per stage the factors in force; empty where all entries are independent.
        warnings: what was repaired, in words.
    """

    groups: tuple[tuple[_GroupFactor, ...], ...]
    warnings: tuple[str, ...]

    def apply(self, stage_index: int, draws: Array) -> Array:
        """Correlate a block of draws ``[draw, entry]``.

        Entries outside every group stay as they are.

        Each row of the result depends on its own row alone, bit for bit: the products are summed in
        a fixed order instead of by a matrix product, whose order depends on the number of rows. So
        a scenario is the same in whatever batch it is drawn.
        """
        correlated = draws.copy()
        for group in self.groups[stage_index]:
            independent = draws[:, group.entries]
            total = np.zeros_like(independent)
            for column in range(len(group.entries)):
                total += independent[:, column, None] * group.factor[:, column]
            correlated[:, group.entries] = total
        return correlated


def build_correlator(system: System, layout: NoiseLayout) -> Correlator:
    """Check and factorise the correlation of a system, each profile once.

    Entities without a noise entry (a bus whose load is certain) drop out of their group.

    Raises:
        ModelError: unknown profiles, stages or entities, an entity in two groups of a profile, or a
            matrix that is malformed or far from positive semidefinite.
    """
    correlation = system.correlation
    if correlation is None:
        return Correlator(((),) * len(system.stages), ())
    if not correlation.profiles:
        raise ModelError("the correlation has no profile; give at least 'default'")
    for stage_id, name in correlation.schedule.items():
        if stage_id not in system.stage_index:
            raise ModelError(
                f"the correlation schedule names stage {stage_id}, which is not a study stage"
            )
        if name not in correlation.profiles:
            raise ModelError(
                f"the correlation schedule of stage {stage_id} names the unknown profile '{name}'"
            )
    unscheduled = [stage.id for stage in system.stages if stage.id not in correlation.schedule]
    if "default" not in correlation.profiles and len(correlation.profiles) > 1 and unscheduled:
        raise ModelError(
            f"stage {unscheduled[0]} has no correlation profile: schedule it, or name one of "
            f"{', '.join(repr(name) for name in correlation.profiles)} 'default'"
        )
    warnings: list[str] = []
    entries = _entries(system, layout)
    factors = {
        name: _factor_profile(name, groups, entries, correlation.method, warnings)
        for name, groups in correlation.profiles.items()
    }
    unnamed = "default" if "default" in factors else next(iter(factors))
    names = (correlation.schedule.get(stage.id, unnamed) for stage in system.stages)
    return Correlator(tuple(factors[name] for name in names), tuple(warnings))


def factorise(matrix: Array, method: FactorMethod, name: str) -> tuple[Array, str | None]:
    """Find ``D`` with ``D @ D.T`` equal to a correlation matrix.

    Or to the nearest one that clipping gives.

    Args:
        matrix: ``[entity, entity]``.
        method: symmetric root, or the lower triangle of Cholesky where the matrix is positive
            definite.
        name: how messages call the matrix.

    Returns:
        The factor, and a warning where the matrix had to be repaired or the method replaced.

    Raises:
        ModelError: the matrix is not square, symmetric, with a unit diagonal and entries in [-1,
            1], or is far from positive semidefinite.
    """
    _check_matrix(matrix, name)
    if not len(matrix):
        return np.zeros((0, 0)), None
    warning = None
    if method is FactorMethod.CHOLESKY:
        try:
            return np.linalg.cholesky(matrix).astype(np.float64), None
        except np.linalg.LinAlgError:
            warning = (
                f"{name} is not positive definite: its symmetric root is used instead of Cholesky"
            )
    smallest, largest = np.linalg.eigvalsh(matrix)[[0, -1]]
    if smallest < -_REPAIRABLE * largest:
        raise ModelError(
            f"{name} is not a correlation matrix: its smallest eigenvalue is {smallest:.6g} "
            f"(largest {largest:.6g}), expected none below 0; correlations this contradictory "
            "point to an input error"
        )
    if smallest < -_ROUNDING * largest:
        matrix = clipped_correlation(matrix)
        clipped = (
            f"{name} has the negative eigenvalue {smallest:.6g}: it was clipped to 0 and the "
            "diagonal scaled back to 1"
        )
        warning = clipped if warning is None else f"{warning}; {clipped}"
    return symmetric_root(matrix), warning


def symmetric_root(matrix: Array) -> Array:
    """``V sqrt(lambda) V'``, with eigenvalues below zero taken as zero."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.T
    return root


def clipped_correlation(matrix: Array) -> Array:
    """The matrix without its negative eigenvalues, scaled back to a unit diagonal."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    clipped = (vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T
    deviation = np.sqrt(np.diag(clipped))
    scaled: Array = clipped / np.outer(deviation, deviation)
    np.fill_diagonal(scaled, 1.0)
    return scaled


def _check_matrix(matrix: Array, name: str) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ModelError(f"{name} must be square, got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ModelError(f"{name} has entries that are not finite")
    if np.abs(matrix - matrix.T).max(initial=0.0) > MATRIX_TOLERANCE:
        row, column = np.unravel_index(np.abs(matrix - matrix.T).argmax(), matrix.shape)
        raise ModelError(
            f"{name} is not symmetric: entry ({row}, {column}) is {matrix[row, column]}, "
            f"entry ({column}, {row}) is {matrix[column, row]}"
        )
    if np.abs(np.diag(matrix) - 1.0).max(initial=0.0) > MATRIX_TOLERANCE:
        raise ModelError(f"{name} must have ones on its diagonal, got {np.diag(matrix).tolist()}")
    if np.abs(matrix).max(initial=0.0) > 1.0 + MATRIX_TOLERANCE:
        raise ModelError(
            f"{name} has the entry {matrix.flat[np.abs(matrix).argmax()]} outside [-1, 1]"
        )


def _entries(system: System, layout: NoiseLayout) -> Mapping[tuple[NoiseClass, int], int]:
    """(class, entity id) -> entry of the noise vector; -1 for entities that exist without noise."""
    entries = {
        (NoiseClass.INFLOW, hydro.id): position for position, hydro in enumerate(system.hydros)
    }
    entries |= {(NoiseClass.LOAD, bus.id): -1 for bus in system.buses}
    entries |= {(NoiseClass.NCS, source.id): -1 for source in system.non_controllables}
    for offset, bus in enumerate(layout.load_buses):
        entries[NoiseClass.LOAD, system.buses[bus].id] = layout.load.start + offset
    for offset, source in enumerate(layout.sources):
        entries[NoiseClass.NCS, system.non_controllables[source].id] = layout.ncs.start + offset
    return entries


def _factor_profile(
    profile: str,
    groups: tuple[CorrelationGroup, ...],
    entries: Mapping[tuple[NoiseClass, int], int],
    method: FactorMethod,
    warnings: list[str],
) -> tuple[_GroupFactor, ...]:
    factors = []
    owner: dict[tuple[NoiseClass, int], str] = {}
    for group in groups:
        name = f"correlation group '{group.name}' of profile '{profile}'"
        for entity_id in group.entity_ids:
            key = (group.noise_class, entity_id)
            if key not in entries:
                raise ModelError(
                    f"{name} names {group.noise_class.value} {entity_id}, which does not exist"
                )
            if key in owner:
                raise ModelError(
                    f"{name}: {group.noise_class.value} {entity_id} is "
                    f"already in group '{owner[key]}'"
                )
            owner[key] = group.name
        matrix = np.asarray(group.matrix, np.float64)
        if matrix.shape != (len(group.entity_ids),) * 2:
            raise ModelError(
                f"{name} has {len(group.entity_ids)} entities but a matrix of shape {matrix.shape}"
            )
        # The whole matrix is checked, also where only a part of it has noise.
        factor, warning = factorise(matrix, method, name)
        positions = np.array(
            [entries[group.noise_class, entity_id] for entity_id in group.entity_ids], np.int64
        )
        noisy = positions >= 0
        if not noisy.all():
            factor, warning = factorise(
                np.ascontiguousarray(matrix[np.ix_(noisy, noisy)]), method, name
            )
        if warning is not None:
            warnings.append(warning)
        factor = np.ascontiguousarray(factor)
        factor.flags.writeable = False
        factors.append(_GroupFactor(positions[noisy], factor))
    return tuple(factors)
