"""Why a stage has no solution, in the words of a planner.

An infeasible program is solved again with a way out for every row, at the price of its amount: the
rows that use it are those that cannot all hold, and the duals of that program say which other rows
and limits they collide with. A program without minimum is solved in a large box: the columns at its
walls are those that earn without limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.core.equipment import EQUIPMENT
from headwater.core.wording import listed
from headwater.lp.program import NamedProgram

BOX = 1e9
"""Half width of the box in which a program without minimum is solved."""

_TOLERANCE = 1e-6


def _words() -> dict[str, tuple[str, str]]:
    """Family as people see it -> words, and unit."""
    families = (family for _, family in EQUIPMENT.families.values())
    said = {family.shown or family.name: (family.words, family.unit) for family in families}
    return {
        **said,
        "future_cost": ("the future cost", "$"),
        "cut": ("cut {0} of the future cost", "$"),
    }


@dataclass(frozen=True)
class Explanation:
    """Why a program has no solution.

    Attributes:
        violated: rows that give way in the nearest point, with the amount, in words.
        colliding: other rows and limits that take part, in words.
        remedies: what helps, in words; any of them may be enough.
    """

    violated: tuple[str, ...]
    colliding: tuple[str, ...]
    remedies: tuple[str, ...] = ()

    def __str__(self) -> str:
        sentence = "no decision satisfies " + listed(self.violated)
        sentence += f" together with {listed(self.colliding)}" if self.colliding else ""
        return sentence + (f"; what helps: {'; or '.join(self.remedies)}" if self.remedies else "")


def family_of(name: str) -> tuple[str, list[str]]:
    """The family of a row or column, and what stands in brackets behind it.

    The plant or other entity comes first.
    """
    family, _, inside = name.partition("[")
    return family, inside.removesuffix("]").split(",")


def in_words(name: str) -> tuple[str, str]:
    """A name of a row or column in words, and its unit."""
    words, block, unit = _parts(name)
    return words + (f" in block {block}" if block else ""), unit


def _parts(name: str) -> tuple[str, str, str]:
    """A name in words without its block, the block or nothing, and the unit."""
    family, inside = family_of(name)
    arguments = inside if inside[0] else []
    words, unit = _words().get(
        family, (family.replace("_", " ") + (" of {0}" if arguments else ""), "")
    )
    block = arguments[1] if len(arguments) > 1 and arguments[1].isdigit() else ""
    return words.format(*(arguments or [""])), block, unit


def _blocks_together(said: Sequence[tuple[str, str, str]]) -> list[str]:
    """Rows or columns in words, those once that differ in the block alone.

    Args:
        said: name, what stands before it, and what behind it.
    """
    blocks: dict[tuple[str, str, str], list[str]] = {}
    for name, before, behind in said:
        words, block, _ = _parts(name)
        held = blocks.setdefault((before, words, behind), [])
        if block and block not in held:
            held.append(block)
    found = []
    for (before, words, behind), held in blocks.items():
        numbers = sorted(held, key=int)
        where = (
            f" in block{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}" if numbers else ""
        )
        found.append(f"{before}{words}{where}{behind}")
    return found


def explain_infeasible(program: NamedProgram) -> Explanation | None:
    """What collides in a program; ``None`` if it has a solution after all."""
    matrix, rows = program.matrix, len(program.rows)
    needs_more, needs_less = np.isfinite(program.row_lower), np.isfinite(program.row_upper)
    ways_out = sp.hstack([sp.eye_array(rows, format="csr"), -sp.eye_array(rows, format="csr")])
    relaxed = sp.csr_array(sp.hstack([matrix, ways_out]))
    scale = 1.0 / np.maximum(1.0, abs(matrix).max(axis=1).toarray().ravel())
    cost = np.concatenate(
        [
            np.zeros(len(program.columns)),
            np.where(needs_more, scale, 0.0),
            np.where(needs_less, scale, 0.0),
        ]
    )
    lower = np.concatenate([program.column_lower, np.zeros(2 * rows)])
    upper = np.concatenate(
        [program.column_upper, np.where(needs_more, np.inf, 0.0), np.where(needs_less, np.inf, 0.0)]
    )
    solved = minimise(cost, relaxed, program.row_lower, program.row_upper, lower, upper)
    if solved is None:
        return None
    x, duals, reduced = solved
    n = len(program.columns)
    short, over = x[n : n + rows], x[n + rows :]
    size = np.maximum(1.0, np.where(needs_more, np.abs(program.row_lower), 0.0))
    broken = np.flatnonzero(np.maximum(short, over) > _TOLERANCE * size)
    if not len(broken):
        return None
    order = broken[np.argsort(-np.maximum(short, over)[broken], kind="stable")]
    violated = _blocks_together(
        [(program.rows[i], "", _amount(program.rows[i], short[i], over[i])) for i in order]
    )
    colliding = [int(i) for i in np.flatnonzero(np.abs(duals) > 1e-9) if i not in broken]
    taking_part = [(program.rows[i], "", "") for i in colliding]
    at_limit = np.flatnonzero(np.abs(reduced[:n]) > 1e-9)
    # that flows and storages are not negative is worth saying only where nothing else collides
    telling = [j for j in at_limit if reduced[j] < 0 or lower[j] != 0.0]
    for j in telling if telling or taking_part else at_limit:
        bound, value = ("least", lower[j]) if reduced[j] > 0 else ("greatest", upper[j])
        unit = in_words(program.columns[j])[1]
        taking_part.append(
            (program.columns[j], f"the {bound} ", f" ({value:g}{' ' + unit if unit else ''})")
        )
    rows_of_it = [program.rows[i] for i in (*order, *colliding)]
    floors = [program.columns[j] for j in at_limit if reduced[j] > 0 and lower[j] > 0]
    # a water balance is what leaves and stays, less what arrives: with more water it gives way less
    # where its dual is negative
    lacks_water = any(
        duals[i] < 0.0 for i in (*order, *colliding) if family_of(program.rows[i])[0] == "balance"
    )
    remedies = tuple(_remedies(program, rows_of_it, floors, lacks_water=lacks_water))
    return Explanation(tuple(violated), tuple(_blocks_together(taking_part)), remedies)


def _remedies(
    program: NamedProgram, rows: Sequence[str], floors: Sequence[str], *, lacks_water: bool
) -> Iterator[str]:
    """What a planner can do about rows that collide and lower limits that take part."""
    priced = {
        family_of(name)[1][0] for name in program.columns if family_of(name)[0] == "generic_slack"
    }
    hard = [
        plant
        for family, (plant, *_) in map(family_of, rows)
        if family == "constraint" and plant not in priced
    ]
    if hard:
        names = listed(list(dict.fromkeys(hard)))
        whose = "user constraints" if len(set(hard)) > 1 else "user constraint"
        yield (
            f"give {whose} {names} a slack with a penalty (slack.enabled), or a "
            "right-hand side that can be met"
        )
    if lacks_water and not any(name.startswith("bought_water[") for name in program.columns):
        yield (
            "let water be bought where no reservoir can absorb a negative inflow or a loss "
            "(modeling.inflow_non_negativity.method: 'penalty')"
        )
    for _, family in EQUIPMENT.families.values():
        entities = [
            arguments[0] for found, arguments in map(family_of, floors) if found == family.name
        ]
        if family.floor and entities:
            yield f"lower the minimum {family.floor} {listed(list(dict.fromkeys(entities)))}"


def explain_unbounded(program: NamedProgram) -> str | None:
    """Which columns earn without limit; ``None`` if none do."""
    lower, upper = np.maximum(program.column_lower, -BOX), np.minimum(program.column_upper, BOX)
    solved = minimise(
        program.cost, program.matrix, program.row_lower, program.row_upper, lower, upper
    )
    if solved is None:
        return None
    free = np.isneginf(program.column_lower) | np.isposinf(program.column_upper)
    far = np.flatnonzero(free & (np.abs(solved[0]) > 0.5 * BOX))
    if not len(far):
        return None
    order = far[np.argsort(solved[0][far] * program.cost[far], kind="stable")]
    return "the cost falls without limit with " + listed(
        _blocks_together([(program.columns[j], "", "") for j in order])
    )


def _amount(name: str, short: float, over: float) -> str:
    """By how much a row gives way, in brackets."""
    unit = in_words(name)[1]
    if family_of(name)[0] == "balance":
        # what leaves and stays less what arrives
        return (
            f" (lacks {over:.6g} hm3 of water)"
            if over > short
            else f" (has {short:.6g} hm3 of water that cannot leave)"
        )
    amount, what = (short, "short by") if short >= over else (over, "over by")
    return f" ({what} {amount:.6g}{' ' + unit if unit else ''})"


def minimise(
    cost: NDArray[np.float64],
    matrix: sp.csr_array,
    row_lower: NDArray[np.float64],
    row_upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Primal values, row duals and reduced costs of the program with these costs and limits.

    It is ``None`` where there is no optimum.
    """
    equal = row_lower == row_upper
    above, below = ~equal & np.isfinite(row_lower), ~equal & np.isfinite(row_upper)
    import scipy.optimize

    result = scipy.optimize.linprog(
        cost,
        A_ub=sp.vstack([matrix[below], -matrix[above]]) if (above | below).any() else None,
        b_ub=np.concatenate([row_upper[below], -row_lower[above]])
        if (above | below).any()
        else None,
        A_eq=matrix[equal] if equal.any() else None,
        b_eq=row_lower[equal] if equal.any() else None,
        bounds=np.column_stack([lower, upper]),
        method="highs",
    )
    if result.status != 0:
        return None
    duals = np.zeros(len(row_lower))
    duals[equal] = result.eqlin.marginals
    duals[below] += result.ineqlin.marginals[: below.sum()]
    duals[above] -= result.ineqlin.marginals[below.sum() :]
    return result.x, duals, result.lower.marginals + result.upper.marginals
