"""The numbers of the example system; `make_case.py` writes them as a case.

The system is invented: four subsystems, a node where lines meet, two cascades and one lake whose
output depends on its level. It is meant to look like a system, not like any existing one. Rivers of
the Highlands, the Coast and the Drylands swell in summer (December to March, south of the equator),
those of the South in winter. The study starts in May, at the beginning of the dry season, with
reservoirs about two thirds full: what is learned is how much water to keep for the months before
the rains.
"""

from __future__ import annotations

from datetime import date

FIRST_MONTH = date(2026, 5, 1)
N_STAGES = 24
N_OPENINGS = 12
LOAD_GROWTH = 1.025  # of the second year against the first

HIGHLANDS, COAST, SOUTH, DRYLANDS, JUNCTION = range(5)
BUS_NAMES = ("Highlands", "Coast", "South", "Drylands", "Junction")

RIDGE, GORGE, WEIR, LAKESIDE, MESA, BEND, OASIS = range(7)

# Water

# name, bus, downstream plant, storage min/max/initial in hm3, productivity in MW/(m3/s), max
# turbined and min outflow in m3/s. A productivity is 0.00981 * efficiency * head: 0.90 and 100 m at
# Ridge, 80 m at Gorge, 34 m at Weir, and so on.
HYDROS: tuple[tuple[str, int, int | None, float, float, float, float | None, float, float], ...] = (
    ("Ridge", HIGHLANDS, GORGE, 1100.0, 9000.0, 6100.0, 0.88, 950.0, 0.0),
    ("Gorge", HIGHLANDS, WEIR, 500.0, 2600.0, 1800.0, 0.71, 1450.0, 0.0),
    ("Weir", HIGHLANDS, None, 100.0, 150.0, 120.0, 0.30, 1800.0, 180.0),
    ("Lakeside", COAST, None, 800.0, 5200.0, 3500.0, None, 620.0, 40.0),
    ("Mesa", SOUTH, BEND, 600.0, 3500.0, 1900.0, 1.05, 800.0, 0.0),
    ("Bend", SOUTH, None, 150.0, 400.0, 280.0, 0.52, 1250.0, 120.0),
    ("Oasis", DRYLANDS, None, 2000.0, 11000.0, 7000.0, 0.47, 1300.0, 300.0),
)

# Mean of the year in m3/s (water that arrives between a plant and the plants above it), variation
# of a month (std / mean) in the dry and in the wet half of the river's year, and the two
# autoregressive coefficients in the dry and in the wet half: recessions are well predicted by the
# months before, floods are not.
RIVERS: dict[int, tuple[float, tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    RIDGE: (520.0, (0.20, 0.30), (0.62, 0.16), (0.42, 0.10)),
    GORGE: (260.0, (0.21, 0.30), (0.58, 0.15), (0.40, 0.10)),
    WEIR: (150.0, (0.22, 0.31), (0.55, 0.0), (0.38, 0.0)),
    LAKESIDE: (300.0, (0.26, 0.33), (0.50, 0.0), (0.36, 0.0)),
    MESA: (420.0, (0.36, 0.40), (0.40, 0.08), (0.34, 0.06)),
    BEND: (240.0, (0.37, 0.41), (0.36, 0.0), (0.30, 0.0)),
    OASIS: (640.0, (0.22, 0.32), (0.70, 0.12), (0.50, 0.14)),
}
# Share of the mean in each calendar month, January first; scaled to an average of one before use.
SHAPES = {
    HIGHLANDS: (1.75, 1.80, 1.60, 1.20, 0.85, 0.68, 0.55, 0.45, 0.45, 0.60, 0.90, 1.35),
    COAST: (1.50, 1.50, 1.35, 1.05, 0.90, 0.85, 0.75, 0.65, 0.70, 0.80, 0.90, 1.15),
    SOUTH: (0.75, 0.72, 0.65, 0.65, 0.85, 1.15, 1.32, 1.25, 1.46, 1.45, 1.00, 0.75),
    DRYLANDS: (1.70, 1.75, 1.70, 1.35, 0.80, 0.55, 0.45, 0.38, 0.35, 0.40, 0.75, 1.35),
}
# How alike the rivers are in one month; the South has its own weather.
RIVER_CORRELATION = (
    (1.00, 0.82, 0.74, 0.50, -0.12, -0.10, 0.45),
    (0.82, 1.00, 0.80, 0.55, -0.10, -0.08, 0.40),
    (0.74, 0.80, 1.00, 0.58, -0.06, -0.05, 0.36),
    (0.50, 0.55, 0.58, 1.00, 0.12, 0.14, 0.24),
    (-0.12, -0.10, -0.06, 0.12, 1.00, 0.84, -0.15),
    (-0.10, -0.08, -0.05, 0.14, 0.84, 1.00, -0.14),
    (0.45, 0.40, 0.36, 0.24, -0.15, -0.14, 1.00),
)
PAST_INFLOW_SHARE = (
    0.90,
    0.86,
)  # of the mean, in the months one and two before the study: a rainy season somewhat short

# Irrigation from the Oasis reservoir and the water supply of the coastal towns from Lakeside, m3/s,
# January first.
WITHDRAWALS = {
    OASIS: (25.0, 22.0, 25.0, 38.0, 52.0, 60.0, 68.0, 75.0, 75.0, 66.0, 45.0, 30.0),
    LAKESIDE: (16.0, 16.0, 15.0, 14.0, 13.0, 12.0, 12.0, 12.0, 13.0, 14.0, 15.0, 16.0),
}
FLOOD_SPACE = {
    (MESA, 9): 3100.0,
    (MESA, 10): 3100.0,
}  # hm3 that Mesa may hold while the southern rivers flood
SPARE_UNIT = {(GORGE, 7): 1050.0}  # m3/s that Gorge can turbine while one of its units is serviced

# Power

# name, bus, min and max in MW, and tranches of (MW, $/MWh)
THERMALS: tuple[tuple[str, int, float, float, tuple[tuple[float, float], ...]], ...] = (
    ("Harbour base load", COAST, 340.0, 450.0, ((450.0, 24.0),)),
    ("Coast combined cycle 1", COAST, 0.0, 380.0, ((250.0, 78.0), (130.0, 93.0))),
    ("Coast combined cycle 2", COAST, 0.0, 300.0, ((300.0, 106.0),)),
    ("Coast steam", COAST, 0.0, 220.0, ((220.0, 139.0),)),
    ("Coast gas turbines", COAST, 0.0, 180.0, ((180.0, 218.0),)),
    ("Coast oil", COAST, 0.0, 150.0, ((150.0, 342.0),)),
    ("South coal 1", SOUTH, 90.0, 280.0, ((280.0, 47.0),)),
    ("South coal 2", SOUTH, 60.0, 200.0, ((120.0, 61.0), (80.0, 70.0))),
    ("South diesel", SOUTH, 0.0, 80.0, ((80.0, 396.0),)),
    ("Highlands biomass", HIGHLANDS, 0.0, 90.0, ((90.0, 54.0),)),
    ("Highlands gas", HIGHLANDS, 0.0, 150.0, ((150.0, 127.0),)),
    ("Drylands gas 1", DRYLANDS, 0.0, 220.0, ((140.0, 86.0), (80.0, 112.0))),
    ("Drylands gas 2", DRYLANDS, 0.0, 160.0, ((160.0, 152.0),)),
    ("Drylands engines", DRYLANDS, 0.0, 120.0, ((120.0, 257.0),)),
    ("Drylands oil", DRYLANDS, 0.0, 90.0, ((90.0, 431.0),)),
)
REFUELLING = (0, 8)  # the base-load plant stands still in August

# name, from, to, MW in both directions, losses in percent
LINES = (
    ("Highlands to Coast", HIGHLANDS, COAST, 650.0, 600.0, 3.0),
    ("South to Coast", SOUTH, COAST, 700.0, 650.0, 2.5),
    ("Highlands to Junction", HIGHLANDS, JUNCTION, 550.0, 450.0, 2.0),
    ("Junction to Drylands", JUNCTION, DRYLANDS, 450.0, 450.0, 2.5),
    ("Junction to Coast", JUNCTION, COAST, 350.0, 350.0, 2.0),
)
IMPORT_LIMIT_MW = (
    800.0,
    850.0,
    900.0,
)  # that the Coast can take from the north, per block: voltage at the peak

# Average load of the first year in MW, its shape over the year, January first, and its deviation in
# one month (std / mean).
LOADS = {
    HIGHLANDS: (
        800.0,
        (1.02, 1.03, 1.02, 1.00, 0.98, 0.97, 0.97, 0.98, 1.00, 1.02, 1.01, 1.00),
        0.015,
    ),
    COAST: (2200.0, (1.07, 1.09, 1.06, 1.01, 0.96, 0.94, 0.93, 0.94, 0.97, 0.99, 1.01, 1.03), 0.02),
    SOUTH: (740.0, (1.05, 1.04, 0.99, 0.95, 0.97, 1.02, 1.04, 1.02, 0.97, 0.95, 0.98, 1.02), 0.025),
    DRYLANDS: (
        720.0,
        (1.01, 1.01, 1.01, 0.99, 0.98, 0.97, 0.97, 0.99, 1.01, 1.03, 1.02, 1.01),
        0.015,
    ),
}
# name, hours of a day, load against the average of the day; the light block takes what makes the
# average one
BLOCKS = (("PEAK", 4), ("SHOULDER", 12), ("LIGHT", 8))
PEAK_FACTORS = {
    HIGHLANDS: (1.17, 1.05),
    COAST: (1.20, 1.06),
    SOUTH: (1.19, 1.06),
    DRYLANDS: (1.15, 1.04),
}

# Money

# From dear to cheap: dead storage, water that does not exist, the last tranche of deficit, other
# violations, thermal plants, and the small costs that only break ties. One hm3 at Ridge makes about
# 525 MWh on its way to the sea, and one m3/s 1.9 MW, which is why the first two look so large: 1.5
# million $/hm3 are 2860 $/MWh there, just above the dearest deficit.
DEFICIT = {
    None: ((60.0, 900.0), (120.0, 1600.0), (None, 2800.0)),
    COAST: ((110.0, 900.0), (220.0, 1600.0), (None, 2800.0)),
}
PENALTIES = {
    "bus": {"excess_cost": 5.0},
    "line": {"exchange_cost": 0.5},
    "hydro": {
        "spillage_cost": 0.05,
        "diversion_cost": 0.1,
        "fpha_turbined_cost": 0.06,
        "storage_violation_below_cost": 1_500_000.0,
        "filling_target_violation_cost": 2_000_000.0,
        "turbined_violation_below_cost": 650.0,
        "outflow_violation_below_cost": 700.0,
        "outflow_violation_above_cost": 700.0,
        "generation_violation_below_cost": 750.0,
        "evaporation_violation_cost": 800.0,
        "water_withdrawal_violation_cost": 900.0,
        "inflow_nonnegativity_cost": 6000.0,
    },
    "non_controllable_source": {"curtailment_cost": 0.5},
}
# Water at Weir makes so little energy that the general cost of withdrawal would stand above any
# deficit there.
OWN_PENALTIES = {WEIR: {"water_withdrawal_violation_cost": 800.0}}
END_RESERVE_GWH = 4300.0
END_RESERVE_COST = 300.0  # $ per missing GWh and hour of the last stage: 720 h make 216 $/MWh
IMPORT_LIMIT_COST = (
    800.0  # $/MWh, below all deficit: a limit that may be broken to keep the lights on
)
