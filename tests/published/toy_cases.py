"""Two cases with ten openings a stage that are published without a figure; both are known in the
field as first examples.

Numbers are those of the cases 1dtoy and 4ree that Cobre 0.5 publishes (Apache-2.0). What 1dtoy
costs is judged by the extensive form of its own tree; 4ree, Brazil in four subsystems in 2015, is
too large for one and is read, written and stepped through only.
"""

from __future__ import annotations

from published.case_files import PublishedCase, bus, case, hydro, line, months, penalties, thermal

_VIOLATIONS = {
    "fpha_turbined_cost": 0.05,
    "diversion_cost": 0.1,
    "filling_target_violation_cost": 50000.0,
    "turbined_violation_below_cost": 500.0,
    "outflow_violation_below_cost": 500.0,
    "outflow_violation_above_cost": 500.0,
    "generation_violation_below_cost": 1000.0,
    "evaporation_violation_cost": 5000.0,
    "water_withdrawal_violation_cost": 1000.0,
}
_IN_SAMPLE = {"seed": 42, **{kind: {"scheme": "in_sample"} for kind in ("inflow", "load", "ncs")}}


def one_dimension() -> PublishedCase:
    """1dtoy: a reservoir and two thermals over four months."""
    return case(
        stages=months(4, hours=None, num_scenarios=10),
        loads_mw={0: [75.0] * 4},
        buses=[bus(name="SIN")],
        thermals=[thermal(0, 15.0, 5.0, name="UTE1"), thermal(1, 15.0, 10.0, name="UTE2")],
        hydros=[hydro(0, 1000.0, 50.0, name="UHE1")],
        storage_hm3=[83.222],
        inflows_m3s={0: [(40.0, 10.0)] * 4},
        penalty=penalties(
            [(500.0, 1000.0), (None, 5000.0)], excess=100.0, exchange=2.0, **_VIOLATIONS
        ),
        iterations=128,
        annual_discount_rate=0.12,
        scenario_source=_IN_SAMPLE,
        simulated=100,
    )


_DEFICIT = 1420.34
_SUBSYSTEMS = ("SUDESTE", "SUL", "NORDESTE", "NORTE", "NOFICT1")
_RESERVOIRS = (
    (38343.9, 204078.3, 45578.9),
    (10068.8, 19929.2, 13967.0),
    (9030.2, 51806.1, 9573.1),
    (5161.9, 15765.5, 9666.2),
)
"""Storage at the start and at most, and the most that is turbined, by subsystem."""

_LINES = (
    (0, 1, 7500.0, 5470.0, 0.1),
    (0, 2, 1000.0, 600.0, 0.1),
    (0, 4, 4000.0, 2940.0, 0.05),
    (2, 4, 3500.0, 3300.0, 0.05),
    (3, 4, 10000.0, 4407.0, 0.05),
)
"""From, to, capacity there and back, cost."""

# Capacity in MW @ cost in $/MWh of each thermal, by subsystem.
_THERMALS = (
    "640@23.21 1350@20.12 344@86.69 36@937 157@247.3 59@299.99 28@178.43 529@511.77 44@822.15 "
    "255@0 235@142.82 321@220.92 65@300 572@399.02 140@877.87 226@299.99 131@645.3 87@213.84 "
    "204@216.1 400@37.8 100@58.89 200@102.84 127@289.96 176@730.2 200@470.34 30@523.35 436@310.41 "
    "500@142.25 134@143.49 216@299.99 340@678.04 929@388.48 770@168.44 266@300 10@1047.38 197@0 "
    "175@626.78 206@197.85 54@1148.68",
    "485@490.3 350@64.08 167@698.14 72@196.16 4@229.17 20@373.45 100@234.31 132@176.85 262@176.67 "
    "363@145.71 24@780 126@115.9 320@115.9 20@248.31 640@740",
    "13@727.61 11@727.61 31@681.59 11@727.61 347@915.17 347@732.99 150@775.66 169@626.79 "
    "13@727.61 15@727.61 13@727.61 15@727.61 17@60 138@299.99 327@118.51 149@706.01 149@706.01 "
    "15@727.61 15@727.61 168@608.7 13@727.61 152@775.66 13@727.61 720@116.11 365@124.71 "
    "94@1063.46 201@538.85 136@851.01 53@959.24 66@959.23 381@638.54 186@279.04 50@619.14 "
    "223@239.76 143@1063.46 171@622.1 171@622.1 533@70.16 368@314.63",
    "166@302.19 20@926.82 85@0 19@654.63 19@611.14 18@622.6 30@1165.12 20@618.81 20@636.82 "
    "20@631.82 18@639.79 166@626.77 166@626.77 45@654.56 75@0 67@0 338@131.44 338@131.44 "
    "40@844.72 110@411.92 150@449.98 28@616.42 28@590.42 130@657.05 27@659.1 176@171.19 56@69 "
    "66@0 360@119.15 30@660.35 18@660.35 255@0 93@0",
)

_LOADS_MW = (
    (
        50650.8,
        52406.4,
        51571.2,
        49476.0,
        46814.4,
        45690.0,
        45141.6,
        46876.8,
        47902.8,
        48817.2,
        48392.4,
        47943.6,
    ),
    (
        15074.4,
        15417.6,
        14821.2,
        14258.4,
        13804.8,
        13518.0,
        13341.6,
        13212.0,
        13060.8,
        13512.0,
        14010.0,
        13926.0,
    ),
    (
        11737.2,
        11464.8,
        12070.8,
        12078.0,
        11547.6,
        10965.6,
        10585.2,
        10142.4,
        10114.8,
        10465.2,
        10510.8,
        10400.4,
    ),
    (
        6294.0,
        6475.2,
        6670.8,
        6633.6,
        6750.0,
        6567.6,
        6594.0,
        6823.2,
        6800.4,
        6744.0,
        6590.4,
        6501.6,
    ),
    (0.0,) * 12,
)

_MEAN_INFLOWS_M3S = (
    (
        *(
            55969.7845080629,
            58529.61415974475,
            54715.84143708147,
            41408.69158266646,
            29808.21158789889,
            25100.52987856457,
        ),
        *(
            21038.69777217377,
            17666.761609540048,
            17348.619382203295,
            20934.474550812683,
            26887.120322707247,
            40908.90148929978,
        ),
    ),
    (
        *(
            7231.125115236841,
            8330.863295733703,
            6874.979256425421,
            6474.105942540558,
            8439.20860004664,
            9847.31711482838,
        ),
        *(
            10314.058398801924,
            10219.57894534584,
            12051.269925980692,
            13313.915963095884,
            9305.473508029412,
            7430.519254234134,
        ),
    ),
    (
        *(
            14216.420430120033,
            14868.162748505662,
            14598.312296757995,
            11975.589717868614,
            7181.824684138031,
            4766.371447976638,
        ),
        *(
            3939.333054600156,
            3429.507324426982,
            3074.272178461185,
            3363.637378075315,
            5484.048568740976,
            10158.652870027816,
        ),
    ),
    (
        *(
            10530.05005919876,
            14041.418174927598,
            16365.513391331871,
            16281.44022257555,
            10942.572225099339,
            5702.606482604005,
        ),
        *(
            3460.1957088568934,
            2432.04818930706,
            1886.6747208475365,
            2024.7286721711873,
            3209.6766942389872,
            6116.241903236523,
        ),
    ),
)
"""By subsystem and month; deviations are a tenth of them."""


def four_subsystems() -> PublishedCase:
    """4ree: energy reservoirs and 126 thermals of Brazil in four subsystems, twelve months, storage
    in units of energy.
    """
    plants = [
        (bus_id, *map(float, one.split("@")))
        for bus_id, text in enumerate(_THERMALS)
        for one in text.split()
    ]
    return case(
        stages=months(12, 2015, hours=None, num_scenarios=10),
        loads_mw=dict(enumerate(_LOADS_MW)),
        buses=[bus(k, name, _DEFICIT) for k, name in enumerate(_SUBSYSTEMS)],
        lines=[
            line(k, f"{_SUBSYSTEMS[a]}_{_SUBSYSTEMS[b]}", (a, b), (there, back), cost)
            for k, (a, b, there, back, cost) in enumerate(_LINES)
        ],
        thermals=[
            thermal(k, mw, cost, b, name=str(k + 1)) for k, (b, mw, cost) in enumerate(plants)
        ],
        hydros=[
            hydro(k, largest, turbined, bus_id=k, name=str(k + 1), outflow_m3s=(0.0, None))
            for k, (_, largest, turbined) in enumerate(_RESERVOIRS)
        ],
        storage_hm3=[start for start, _, _ in _RESERVOIRS],
        inflows_m3s={
            k: [(mean, mean / 10.0) for mean in means] for k, means in enumerate(_MEAN_INFLOWS_M3S)
        },
        penalty=penalties(_DEFICIT, excess=100.0, exchange=0.1, spillage_cost=1.0, **_VIOLATIONS),
        forward_passes=4,
        iterations=256,
        scenario_source=_IN_SAMPLE,
        simulated=100,
    )
