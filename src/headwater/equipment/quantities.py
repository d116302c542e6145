"""The named quantities of user constraints as combinations of columns.

An entity that is absent at the stage, or lacks the feature (no channel, no lake surface), contributes nothing.
"""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.program import ABSENT, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import plants as hydro_plants
from headwater.equipment.thermal import generation as thermals
from headwater.equipment.thermal.generation import Combination
from headwater.errors import ModelError
from headwater.model import ContractKind, System

_HYDRO_COLUMNS = {"hydro_turbined": "turbined", "hydro_spillage": "spillage", "hydro_diversion": "diversion"}
_SOURCE_COLUMNS = {
    "non_controllable_generation": "ncs_generation",
    "non_controllable_curtailment": "ncs_curtailment",
}


def quantity(build: LpBuilder, ctx: StageContext, name: str, entity_id: int, k: int) -> tuple[Combination, float]:
    """A named quantity in block ``k`` (ignored by quantities of the stage): columns with coefficients, and a constant.

    Raises:
        ModelError: there is no such quantity or entity, or a contract is named as import and is an export, or the other way
            round.
    """
    system, columns, i = ctx.system, build.columns, _position(ctx.system, name, entity_id)
    if name.startswith("hydro_"):
        return _hydro_quantity(build, ctx, name, i, k)
    if name == "thermal_generation":
        return thermals.generation(build, i, k), 0.0
    if name.startswith("line_"):
        direct, reverse = int(columns["line_direct"][i, k]), int(columns["line_reverse"][i, k])
        flows = {
            "line_direct": [(direct, 1.0)],
            "line_reverse": [(reverse, 1.0)],
            "line_exchange": [(direct, 1.0), (reverse, -1.0)],
        }
        return _existing(flows[name]), 0.0
    if name == "bus_deficit":
        return _existing([(int(c), 1.0) for c in columns["deficit"][i, k]]), 0.0
    if name == "bus_excess":
        return [(int(columns["excess"][i, k]), 1.0)], 0.0
    if name.startswith("pumping_"):
        rate = system.pumping_stations[i].consumption_mw_per_m3s if name == "pumping_power" else 1.0
        return _existing([(int(columns["pumping"][i, k]), rate)]), 0.0
    if name.startswith("contract_"):
        kind = system.contracts[i].kind
        if kind is not ContractKind(name.removeprefix("contract_")):
            raise ModelError(f"a constraint names '{name}({entity_id})', but contract {entity_id} is an {kind.value}")
        return _existing([(int(columns["contract"][i, k]), 1.0)]), 0.0
    return _existing([(int(columns[_SOURCE_COLUMNS[name]][i, k]), 1.0)]), 0.0


def _position(system: System, name: str, entity_id: int) -> int:
    """Position of the entity that a quantity names."""
    if name not in EQUIPMENT.quantities:
        known = ", ".join(sorted(EQUIPMENT.quantities))
        raise ModelError(f"a constraint names '{name}({entity_id})', which is no quantity; known: {known}")
    part = EQUIPMENT.quantities[name][0]
    position = system.index_of(part.collection).get(entity_id)
    if position is None:
        raise ModelError(f"a constraint names '{name}({entity_id})', but there is no {part.words.one} {entity_id}")
    return position


def _existing(combination: Combination) -> Combination:
    return [(column, value) for column, value in combination if column != ABSENT]


def _hydro_quantity(build: LpBuilder, ctx: StageContext, name: str, h: int, k: int) -> tuple[Combination, float]:
    columns = build.columns
    if not ctx.present(h):
        return [], 0.0
    if name in _HYDRO_COLUMNS:
        return _existing([(int(columns[_HYDRO_COLUMNS[name]][h, k]), 1.0)]), 0.0
    if name == "hydro_outflow":
        return hydro_plants.outflow(build, h, k), 0.0
    if name == "hydro_generation":
        return hydro_plants.generation(build, ctx, h, k), 0.0
    if name == "hydro_storage":
        return [(int(columns["storage"][h]), 1.0)], 0.0
    if name == "hydro_evaporation":
        return _existing([(int(columns["evaporation"][h]), 1.0)]), 0.0
    slacks = (("withdrawal_short", -1.0), ("withdrawal_beyond", 1.0))
    withdrawn = _existing([(int(columns[slack][h]), sign) for slack, sign in slacks])
    return withdrawn, float(ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t])
