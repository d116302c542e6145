"""The future cost of a policy in the linear program of a PyPSA network, and water values there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headwater.api.policy import Policy
from headwater.arrays import Array
from headwater.core.wording import listed
from headwater.errors import UsageError
from headwater.lp import Outlook, future_cost_lower_bounds
from headwater.model import StageKey
from headwater.pypsa.links import Link, links_of, mean_inflow, refuse_cycle
from headwater.sddp.cuts.table import Cuts

FUTURE_COST, CUTS = "Headwater-future_cost", "Headwater-cuts"
"""Names of the variable and the constraints in the model of the network."""
_OPENINGS, _OPENING_CUTS, _RISK = (
    "Headwater-opening_cost",
    "Headwater-opening_cuts",
    "Headwater-risk",
)


def add_future_cost(
    n: Any,
    policy: Policy,
    stage: StageKey,
    reservoirs: Mapping[str, str] | None = None,
    *,
    past_inflows: Mapping[str, Sequence[float]] | None = None,
    others: Mapping[str, float] | None = None,
    mwh_per_hm3: float | Mapping[str, float] | None = None,
    exchange_rate: float = 1.0,
) -> None:
    """Add what a policy expects after a stage to the objective of a network's model.

    The model is that of ``n.optimize.create_model(snapshots)`` or, with ``extra_functionality=``,
    of ``n.optimize``. Its last snapshot is the end of the stage. The objective is then the cost of
    the snapshots and the discounted future cost, as ``policy.decide(...).total_cost``.

    Args:
        n: the network, with a model.
        policy: with its study (`Policy.with_study`).
        stage: id, date or label of the stage that the model decides.
        reservoirs: name of a storage unit or store -> plant or battery of the policy; by default
            those called the same.
        past_inflows: for policies whose state holds past inflows: by name of the storage unit or
            store, in the unit of the network (MW), the last one before the stage first. The inflow
            of the stage itself is that of the network.
        others: values of components of the state that the network does not hold, by their name in
            ``policy.layout.names``, after the stage, in their own units.
        mwh_per_hm3: see `headwater.pypsa.water_values`.
        exchange_rate: $ of the policy for one unit of money of the network.

    Raises:
        UsageError: the network has no model, or a component of the state is neither in the network
            nor given.
        UnknownNameError: there is no such stage, storage or plant.
        PolicyError: the policy does not know its study.

    Examples:
        >>> n.optimize.create_model(january)
        >>> hw.pypsa.add_future_cost(n, policy, "2027-01")
        >>> n.optimize.solve_model()
    """
    model = getattr(n, "model", None)
    if model is None:
        raise UsageError("the network has no model yet: call n.optimize.create_model() before")
    if not exchange_rate > 0.0:
        raise UsageError(f"exchange_rate must be above 0, got {exchange_rate}")
    links = links_of(n, policy, reservoirs, mwh_per_hm3)
    for link in links:
        refuse_cycle(n, link)
        if _cuts_on(model, link):
            raise UsageError(
                f"'{link.reservoir.name}' has a future cost in this model already: make the model "
                "anew"
            )
    t = policy.stage_position(stage)
    cuts, system = policy.cuts(policy.stages[t].stage_id), policy.known_study.system
    fixed = _known_components(n, policy, links, past_inflows or {}, others or {})
    _ask_for_missing(policy, fixed, cuts)
    lower = _lower_bound(policy, t, cuts)
    if lower is None:
        return
    adding = _Adding(model, links, fixed, exchange_rate)
    single = cuts.opening < 0
    outlook = policy.outlooks[t]
    if outlook is not None and not single.all():
        total = adding.opening_costs(cuts, outlook, lower)
    else:
        total = model.add_variables(
            lower=lower / exchange_rate, name=_unused(FUTURE_COST, model.variables)
        )
    if single.any():
        adding.cuts(total, cuts.intercepts[single], cuts.coefficients[single], CUTS)
    discount = float(system.discount_factors[t])
    model.objective = model.objective.expression + discount * total


def _lower_bound(policy: Policy, t: int, cuts: Cuts) -> float | None:
    """Least future cost after a stage in $; ``None`` where nothing follows."""
    study = policy.known_study
    last = t == len(policy.stages) - 1
    if last and not study.system.horizon.is_cyclic:
        # cuts of another policy value the end of the study; they are all that is known of it
        return -np.inf if len(cuts) else None
    bounds = future_cost_lower_bounds(study.system, study.config.training.theta_lower_bound)
    return float(bounds[t]) if not _valued_end(policy) else -np.inf


def _valued_end(policy: Policy) -> bool:
    """Whether cuts of another policy value the end of the study."""
    last = policy.stages[-1].stage_id
    return not policy.known_study.system.horizon.is_cyclic and len(policy.cuts(last)) > 0


def _known_components(
    n: Any,
    policy: Policy,
    links: Sequence[Link],
    past_inflows: Mapping[str, Sequence[float]],
    others: Mapping[str, float],
) -> Array:
    """Values after the stage of the components that the model does not decide, ``[state]``.

    They are 0 where the model decides, and no number where nothing is known.

    Raises:
        UsageError: a name of ``others`` or ``past_inflows`` is unknown.
    """
    names = policy.layout.names
    values = np.full(len(names), np.nan)
    for name, value in others.items():
        if name not in names:
            raise UsageError(f"the state has no component '{name}'; it has {listed(names)}")
        values[names.index(name)] = float(value)
    _remember_inflows(n, policy, links, past_inflows, values)
    values[[link.place for link in links]] = 0.0
    return values


def _ask_for_missing(policy: Policy, values: Array, cuts: Cuts) -> None:
    """Set components that are not known and that no cut asks for to 0, and refuse the others."""
    unknown = np.isnan(values)
    asked = unknown & (cuts.coefficients != 0.0).any(axis=0)
    values[unknown & ~asked] = 0.0
    missing = [name for name, one in zip(policy.layout.names, asked, strict=True) if one]
    if missing:
        raise UsageError(
            f"the future cost depends on {listed(missing)}, which the network does not hold: name "
            "its reservoirs (reservoirs=...), give past_inflows=..., or values after the stage "
            "(others=...)"
        )


def _remember_inflows(
    n: Any,
    policy: Policy,
    links: Sequence[Link],
    past_inflows: Mapping[str, Sequence[float]],
    values: Array,
) -> None:
    """Fill in past inflows as the stage leaves them: its own first, then those before it."""
    block, places = policy.layout.block("inflow_lag"), policy.layout.places("inflow_lag")
    ids = policy.layout.block("storage").ids
    snapshots = links[0].snapshots(n.model)
    known = {link.reservoir.name for link in links}
    for name in past_inflows:
        if name not in known:
            raise UsageError(
                f"past inflows are given for '{name}', which is not a reservoir of the policy"
            )
    for link in links:
        if link.unit != "hm3" or not block.depth:
            continue
        flow = 0.0036 * link.content
        before = [float(value) / flow for value in past_inflows.get(link.reservoir.name, ())]
        past = [mean_inflow(n, link, snapshots), *before]
        own = [
            place
            for place, owner in zip(places.tolist(), block.owners, strict=True)
            if owner[0] == ids[link.place]
        ]
        for place, value in zip(own, past, strict=False):
            values[place] = value


def _unused(name: str, held: Any) -> str:
    """A name, or the first of its numbered forms that is free: a model may hold several systems."""
    number, free = 1, name
    while free in held:
        number += 1
        free = f"{name} {number}"
    return free


def _cuts_on(model: Any, link: Link) -> list[str]:
    """Names of the constraints that bound a future cost by the content of a reservoir."""
    label = int(link.final_content(model).labels)
    return [
        name
        for name in model.constraints
        if name.startswith((CUTS, _OPENING_CUTS))
        and bool((model.constraints[name].vars == label).any())
    ]


class _Adding:
    """Adds variables and rows of the future cost to a model.

    Args:
        model: of the network.
        links: components of the state that the model decides.
        fixed: ``[state]`` values of the others.
        rate: $ for one unit of money of the model.
    """

    def __init__(self, model: Any, links: Sequence[Link], fixed: Array, rate: float) -> None:
        self._model, self._links, self._fixed, self._rate = model, links, fixed, rate

    def cuts(self, total: Any, intercepts: Array, coefficients: Array, name: str) -> None:
        """Add ``total >= intercept + coefficients . state`` for every cut.

        Args:
            total: variable or expression, alone or one for every cut.
            intercepts: ``[cut]`` in $.
            coefficients: ``[cut, state]``.
            name: of the constraints.
        """
        xr = _xarray()
        left = 1.0 * total
        for link in self._links:
            slope = coefficients[:, link.place] / (link.content * self._rate)
            left = left - xr.DataArray(slope, dims="cut") * link.final_content(self._model)
        known = (intercepts + coefficients @ self._fixed) / self._rate
        self._model.add_constraints(
            left >= xr.DataArray(known, dims="cut"), name=_unused(name, self._model.constraints)
        )

    def opening_costs(self, cuts: Cuts, outlook: Outlook, lower: float) -> Any:
        """Add the costs of the openings with their cuts, and return what they add up to.

        The risk measure adds them up as a linear program, see
        `headwater.core.risk_forms.LinearForm`.
        """
        xr = _xarray()
        form = outlook.linear_form(lower)
        lowest = [np.full(len(form.weights), lower)]
        lowest += [np.full(len(extra.weights), extra.lower) for extra in form.extra]
        columns = self._model.add_variables(
            lower=xr.DataArray(np.concatenate(lowest) / self._rate, dims="column"),
            name=_unused(_OPENINGS, self._model.variables),
        )
        own = cuts.opening >= 0
        one_of = np.zeros((int(own.sum()), len(form.all_weights)))
        one_of[np.arange(len(one_of)), cuts.opening[own]] = 1.0
        chosen = (xr.DataArray(one_of, dims=("cut", "column")) * columns).sum("column")
        self.cuts(chosen, cuts.intercepts[own], cuts.coefficients[own], _OPENING_CUTS)
        if form.rows:
            matrix = np.zeros((len(form.rows), len(form.all_weights)))
            for i, row in enumerate(form.rows):
                for column, coefficient in row:
                    matrix[i, column] = coefficient
            rows = (xr.DataArray(matrix, dims=("row", "column")) * columns).sum("column")
            self._model.add_constraints(rows >= 0.0, name=_unused(_RISK, self._model.constraints))
        return (xr.DataArray(form.all_weights, dims="column") * columns).sum("column")


def water_values(
    n: Any,
    policy: Policy,
    reservoirs: Mapping[str, str] | None = None,
    *,
    mwh_per_hm3: float | Mapping[str, float] | None = None,
    exchange_rate: float = 1.0,
) -> Any:
    """What one more unit in each reservoir is worth, from the duals of an optimised network.

    Args:
        n: the network, optimised.
        policy: as for `add_future_cost`.
        reservoirs: as for `add_future_cost`.
        mwh_per_hm3: MWh of the network's storage for 1 hm3, of all or by name of the storage unit
            or store; by default it follows from the productivity of the plant and the efficiency
            in the network.
        exchange_rate: as for `add_future_cost`.

    Returns:
        A pandas table with a row for each storage unit or store, and four columns:
        ``start_per_mwh`` and ``end_per_mwh`` in money of the network for a unit of its content
        before the first snapshot and after the last one (discounted to the stage), and
        ``start_per_hm3`` and ``end_per_hm3``, the same in $/hm3 of the policy; batteries have
        no hm3.

    Raises:
        UsageError: the network has no future cost, or was not optimised.

    Examples:
        >>> hw.pypsa.water_values(n, policy).loc["ridge", "start_per_mwh"]
    """
    import pandas as pd

    model = getattr(n, "model", None)
    if model is None:
        raise UsageError("the network was not optimised yet")
    rows = {}
    for link in links_of(n, policy, reservoirs, mwh_per_hm3):
        names = _cuts_on(model, link)
        if not names or "dual" not in model.constraints[names[0]].data:
            raise UsageError(
                f"'{link.reservoir.name}' has no future cost in the model of the network, or the "
                "model was not solved: see headwater.pypsa.add_future_cost"
            )
        start, end = link.balance_dual(model), _end_worth(model, names, link)
        hm3 = link.content * exchange_rate if link.unit == "hm3" else np.nan
        rows[link.reservoir.name] = (start, end, start * hm3, end * hm3)
    columns = ["start_per_mwh", "end_per_mwh", "start_per_hm3", "end_per_hm3"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _end_worth(model: Any, names: Sequence[str], link: Link) -> float:
    """Money saved by one more unit of content after the last snapshot."""
    label = int(link.final_content(model).labels)
    worth = 0.0
    for name in names:
        constraint = model.constraints[name]
        here = constraint.coeffs.where(constraint.vars == label, 0.0)
        terms = [dim for dim in here.dims if dim not in constraint.dual.dims]
        worth += float((here.sum(terms) * constraint.dual).sum())
    return worth


def _xarray() -> Any:
    try:
        import xarray as xr
    except ImportError:
        raise UsageError("this needs PyPSA: pip install 'headwater[pypsa]'") from None
    return xr
