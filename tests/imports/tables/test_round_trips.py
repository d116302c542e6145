"""A case that was written as a spreadsheet comes back as the same case."""

from __future__ import annotations

from pathlib import Path

import pytest

import headwater as hw
from full_case import full_case
from headwater.case.documents import Documents
from headwater.case.load import case_of
from headwater.case.starter import TEMPLATES, write_starter
from headwater.imports.tables import export_table, import_table, write_table_starter
from shared_data import ORIGINALS, requires_shared
from strangers import generators_are_there, write_case

openpyxl = pytest.importorskip("openpyxl")

FORMS = ("book.xlsx", "sheets")


def assert_comes_back(case: hw.Case, directory: Path, form: str) -> None:
    book = export_table(case, directory / form)
    again = import_table(book, directory / "again")
    assert again.case.system == case.system
    assert again.case.config == case.config
    assert hw.load_case(again.path).system == case.system


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_starter_template(template: str, form: str, tmp_path: Path) -> None:
    book = write_table_starter(tmp_path / form, template)
    case = hw.load_case(write_starter(tmp_path / "case", template))

    made = import_table(book, tmp_path / "made")

    assert (made.case.system, made.case.config) == (case.system, case.config)


@pytest.mark.parametrize("form", FORMS)
def test_a_case_with_every_key_and_column(form: str, tmp_path: Path) -> None:
    assert_comes_back(hw.load_case(full_case(tmp_path / "case").write()), tmp_path, form)


NEWER_KINDS = {
    "batteries": {"id": 0, "name": "cells", "bus_id": 0, "max_energy_mwh": 90.0,
                  "max_charge_mw": 20.0, "max_discharge_mw": 25.0, "charge_efficiency": 0.9},
    "reserves": {"id": 0, "name": "spinning", "requirement_mw": 4.0, "bus_ids": [0],
                 "requirement_by_stage": [{"stage_id": 3, "requirement_mw": 5.5}],
                 "providers": [{"power": "thermal_generation(0)", "max_reserve_mw": 10.0},
                               {"power": "thermal_generation(1)", "cost_per_mwh": 0.25}]},
    "stocks": {"id": 0, "name": "coal", "consumption": "0.4 * thermal_generation(0)", "unit": "t",
               "initial_amount": 9000.0, "max_supply": 8000.0, "shortage_cost": 500.0,
               "supply_by_stage": [{"stage_id": 2, "max_supply": 100.0}]},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_kinds_that_no_sheet_was_written_for(form: str, tmp_path: Path) -> None:
    documents = hw.examples.load("one-reservoir").documents
    files = {f"system/{key}.json": {key: [entry]} for key, entry in NEWER_KINDS.items()}
    case = case_of(Documents({**documents.files, **files}, documents.tables), "newer")
    assert_comes_back(case, tmp_path, form)


@pytest.mark.parametrize("name", hw.examples.names())
def test_the_examples(name: str, tmp_path: Path) -> None:
    assert_comes_back(hw.examples.load(name), tmp_path, "book.xlsx")


@requires_shared
@pytest.mark.parametrize("name", ["4ree", "d12-par-annual", "d14-block-factors"])
def test_published_cases_whose_plants_may_be_called_by_numbers(name: str, tmp_path: Path) -> None:
    assert_comes_back(hw.load_case(ORIGINALS / name), tmp_path, "sheets")


@pytest.mark.skipif(not generators_are_there(), reason="the generators of strangers are not here")
@pytest.mark.parametrize("seed", [4, 9])
def test_systems_that_nobody_chose(seed: int, tmp_path: Path) -> None:
    options = {"hydros": 6, "lags": 2, "stages": 5, "openings": 4, "thermals": 7, "buses": 3}
    recipe = {"kind": "stranger", "options": {**options, "seed": seed}}
    assert_comes_back(hw.load_case(write_case(recipe, tmp_path / "case")), tmp_path, "sheets")


def test_a_workbook_names_plants_and_explains_its_headings(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_table_starter(tmp_path / "b.xlsx", "subsystems"))

    hydros = book["hydros"]
    headings = [cell.value for cell in hydros[1]]
    bus = hydros.cell(2, headings.index("bus") + 1)
    assert bus.value in [row[0].value for row in book["buses"].iter_rows(2, min_col=2)]
    storage = hydros.cell(1, headings.index("reservoir.max_storage_hm3") + 1)
    assert "hm3" in storage.comment.text
    assert "required" in storage.comment.text
    assert book["storage"]["A1"].value == "hydro"
    assert book["stages"]["A2"].value.isoformat().startswith("2024-01-01")


def test_nothing_that_exists_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_text("mine")
    with pytest.raises(hw.UsageError, match="exists"):
        export_table(hw.examples.load("one-reservoir"), tmp_path / "book.xlsx")
    with pytest.raises(hw.UsageError, match=r"neither a \.xlsx workbook nor"):
        export_table(hw.examples.load("one-reservoir"), tmp_path / "book.ods")
