"""Three plants of one's own, from names and numbers to a page with pictures.

python examples/three-plants/three_plants.py [DIRECTORY]

Ridge stands above Gorge on one river, Mesa on another. A gas plant and a wind farm help. The case
is built in code, saved as a directory, planned and shown.
"""

from __future__ import annotations

import sys
from pathlib import Path

import headwater as hw


def three_plants() -> hw.Case:
    """The system."""
    build = hw.SystemBuilder("three-plants", start="2027-01", months=12, discount_rate=0.08)
    build.bus("Valley").bus("City")
    build.line("Valley to City", "Valley", "City", 400.0, 400.0)
    build.hydro(
        "Ridge",
        bus="Valley",
        storage_hm3=(100.0, 900.0),
        turbined_m3s=220.0,
        productivity=0.9,
        downstream="Gorge",
        inflow=([150, 160, 145, 115, 85, 70, 55, 50, 55, 75, 95, 125], 35.0),
    )
    build.hydro(
        "Gorge",
        bus="Valley",
        storage_hm3=(5.0, 40.0),
        turbined_m3s=260.0,
        productivity=0.4,
        inflow=(18.0, 4.0),
    )
    build.hydro(
        "Mesa",
        bus="City",
        storage_hm3=(20.0, 300.0),
        turbined_m3s=90.0,
        productivity=1.1,
        inflow=([40, 35, 35, 45, 60, 80, 95, 90, 75, 60, 50, 45], 20.0),
    )
    build.thermal("Gas", bus="City", max_mw=150.0, cost=75.0)
    build.wind("Hill", bus="City", capacity_mw=60.0, profile=(0.35, 0.1))
    build.load("City", [330, 332, 328, 320, 312, 307, 307, 312, 317, 320, 323, 328], 10.0)
    return build.build().with_(iterations=30, scenarios=100)


def main(directory: Path) -> None:
    """Build, save, plan and show the system."""
    three_plants().save(directory)
    hw.run(directory, progress=False)
    page = hw.write_report(directory / "output")
    sys.stdout.write(f"the page is {page}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("three-plants"))
