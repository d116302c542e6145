"""How people call the columns and rows of hydro plants."""

from __future__ import annotations

from headwater.core.parts import Family
from headwater.equipment.hydro import inflows, reservoirs, travel

FAMILIES = (
    Family("storage", "storage of {0}", "hm3"),
    Family("block_storage", "block storage of {0}", ""),
    Family("inflow", "the natural inflow of {0}", "m3/s", shown="natural_inflow"),
    Family(
        "inflow_lag",
        "the past inflow of {0}",
        "m3/s",
        shown="past_inflow",
        labels=inflows.label_lags,
    ),
    Family(
        "memory",
        "what the next stage knows of the inflow of {0}",
        "m3/s",
        shown="next_past_inflow",
        labels=inflows.label_lags,
    ),
    Family("inflow_slack", "water bought for {0}", "m3/s", shown="bought_water"),
    Family("turbined", "turbined flow of {0}", "m3/s"),
    Family("spillage", "spillage of {0}", "m3/s"),
    Family("diversion", "diversion of {0}", "m3/s"),
    Family("generation", "generation of {0}", "MW"),
    Family("negative_generation", "negative generation of {0}", "MW"),
    Family("withdrawal_short", "withdrawal short of the schedule of {0}", "m3/s"),
    Family("withdrawal_beyond", "withdrawal beyond the schedule of {0}", "m3/s"),
    Family("storage_slack", "storage missing to the minimum of {0}", "hm3", own_limit=True),
    Family("filling_slack", "storage missing to the filling target of {0}", "hm3", own_limit=True),
    Family("retention_slack", "water missing to the retention of {0}", "m3/s"),
    Family(
        "turbined_slack", "flow missing to the minimum turbined flow of {0}", "m3/s", own_limit=True
    ),
    Family(
        "outflow_below_slack", "flow missing to the minimum outflow of {0}", "m3/s", own_limit=True
    ),
    Family("outflow_above_slack", "flow beyond the maximum outflow of {0}", "m3/s"),
    Family(
        "generation_slack", "power missing to the minimum generation of {0}", "MW", own_limit=True
    ),
    Family("evaporation", "the evaporation of {0}", "m3/s"),
    Family("evaporation_short", "evaporation short of the model of {0}", "m3/s"),
    Family("evaporation_beyond", "evaporation beyond the model of {0}", "m3/s"),
    Family(
        travel.BLOCK,
        "the water on its way below {0}",
        "hm3",
        labels=travel.label_components,
    ),
    Family(
        travel.AFTER,
        "what stays on its way below {0}",
        "hm3",
        labels=travel.label_components,
    ),
    Family("water_balance", "the water balance of {0}", "hm3", is_row=True, shown="balance"),
    Family("parallel_water_balance", "the water balance of {0} in a block", "hm3", is_row=True),
    Family(
        "block_water_balance",
        "the water balance of {0}",
        "hm3",
        is_row=True,
        shown="balance",
        labels=reservoirs.label_later_blocks,
    ),
    Family("inflow", "the natural inflow of {0}", "m3/s", is_row=True, shown="natural_inflow"),
    Family(
        "lag_fixing",
        "the past inflow of {0}",
        "m3/s",
        is_row=True,
        shown="past_inflow",
        labels=inflows.label_lags,
    ),
    Family(
        "memory",
        "what the next stage knows of the inflow of {0}",
        "m3/s",
        is_row=True,
        shown="next_past_inflow",
        labels=inflows.label_lags,
    ),
    Family("fpha", "a production plane of {0}", "MW", is_row=True, shown="plane"),
    Family("evaporation", "the evaporation of {0}", "m3/s", is_row=True),
    Family("min_storage", "the minimum storage of {0}", "hm3", is_row=True),
    Family("min_turbined", "the minimum turbined flow of {0}", "m3/s", is_row=True),
    Family("min_outflow", "the minimum outflow of {0}", "m3/s", is_row=True),
    Family("max_outflow", "the maximum outflow of {0}", "m3/s", is_row=True),
    Family("min_generation", "the minimum generation of {0}", "MW", is_row=True),
    Family(
        travel.BLOCK,
        "the water on its way below {0}",
        "hm3",
        is_row=True,
        labels=travel.label_components,
    ),
    Family(
        travel.AFTER,
        "what stays on its way below {0}",
        "hm3",
        is_row=True,
        labels=travel.label_components,
    ),
    Family("filling_retention", "the water kept back while {0} fills", "m3/s", is_row=True),
    Family("filling_target", "the filling target of {0}", "hm3", is_row=True),
)
