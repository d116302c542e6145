from __future__ import annotations

import json
from itertools import pairwise

import pytest

import headwater as hw
from headwater.imports.newave import import_newave
from shared_data import SHARED

DECK = SHARED / "data" / "brazil-newave-2018-01"


def test_a_deck_becomes_a_case_without_an_error_that_trains_and_simulates(imported):
    case = imported(forward_passes=2, iterations=3, scenarios=4)
    report = hw.validate_case(case.root)
    assert report.ok, str(report)
    hw.run(case.root, progress=False, threads=1)
    results = hw.load_results(case.root / "output")
    bounds = results.convergence["lower_bound"].to_list()
    assert len(bounds) == 3
    assert all(after >= before - 1e-9 * abs(before) for before, after in pairwise(bounds))
    hydros = results.table("hydros")
    assert hydros["hydro_id"].unique().sort().to_list() == [1, 2, 4, 5]
    assert hydros["generation_mwh"].sum() > 0.0


@pytest.mark.skipif(not DECK.is_dir(), reason=f"the deck is not at {DECK}")
def test_the_deck_of_january_2018_is_a_case_without_an_error(tmp_path):
    made = import_newave(DECK, tmp_path / "case")
    assert made.counts == {
        "stages": 120,
        "hydro plants": 151,
        "thermal plants": 107,
        "buses": 5,
        "lines": 6,
        "load levels": 3,
    }
    assert hw.validate_case(made.case).ok
    hydros = json.loads((made.case / "system" / "hydros.json").read_text())["hydros"]
    names = {one["id"]: one["name"] for one in hydros}
    below = {one["name"]: names.get(one.get("downstream_id")) for one in hydros}
    assert below["TRES MARIAS"] == below["QUEIMADO"] == "SOBRADINHO"
    assert (below["IRAPE"], below["LAJEADO"]) == ("ITAPEBI", "ESTREITO TOC")
    assert below["MAUA"] == "CAPIVARA"
    jordao = next(one for one in hydros if one["name"] == "JORDAO")
    assert jordao["diversion"]["max_flow_m3s"] == 174.0
    notes = "; ".join(row["notes"] for row in made.report.rows())
    assert "11 fictitious plants left out" in notes
