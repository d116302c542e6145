"""What batteries and stocks keep is drawn as the tables say, for any kind that declares a store."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.errors import UnknownNameError, UsageError
from headwater.report.outcome import Outcome
from headwater.report.page import write_report
from headwater.report.stores import kinds, store
from headwater.results import load_results


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a case with a battery and a stock."""
    case = tiny_case(tmp_path_factory.mktemp("stores") / "case")
    battery = {"id": 3, "name": "Store", "bus_id": 0, "max_energy_mwh": 500.0}
    battery |= {"max_charge_mw": 20.0, "max_discharge_mw": 20.0, "initial_energy_mwh": 100.0}
    stock = {"id": 4, "name": "CO2 <b>", "consumption": "0.4 * thermal_generation(0)"}
    stock |= {"initial_amount": 900.0, "shortage_cost": 50.0}
    case.files["system/batteries.json"] = {"batteries": [battery]}
    case.files["system/stocks.json"] = {"stocks": [stock]}
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 9}
    hw.run(case.write(), case.root / "output", threads=1, progress=False)
    return case.root / "output"


@pytest.fixture(scope="module")
def outcome(output: Path) -> Outcome:
    return Outcome.of_results(load_results(output))


@pytest.mark.parametrize(
    ("kind", "name", "table", "columns"),
    [
        ("battery", "Store", "batteries", ("energy_final_mwh", "energy_value_per_mwh")),
        ("stock", "CO2 <b>", "stocks", ("amount_final", "value_per_unit")),
    ],
)
def test_a_fan_has_the_median_of_the_table(
    outcome: Outcome, kind: str, name: str, table: str, columns: tuple[str, str]
):
    assert [*kinds(outcome)] == ["battery", "stock"]
    last = outcome.rows(table, *columns).filter(pl.col("block_id") == pl.col("block_id").max())
    expected = last.group_by("stage_id").agg(pl.col(columns).median()).sort("stage_id")
    for value, column in zip((False, True), columns, strict=True):
        drawn = store(outcome, kind, name, value=value, scenarios=["driest", 0])
        median = next(trace for trace in drawn.traces if trace["name"] == "median")
        shown = median["y"] if value else median["y"][1:]
        assert shown == pytest.approx(expected[column].to_list())
        assert len(median["x"]) == len(median["y"])


def test_what_keeps_nothing_is_refused(outcome: Outcome):
    with pytest.raises(UsageError, match=r"'thermal' keeps nothing .* battery, stock"):
        store(outcome, "thermal", 0)
    with pytest.raises(UnknownNameError):
        store(outcome, "stock", "Gaz")


def test_the_page_offers_every_store(output: Path, tmp_path: Path):
    text = write_report(output, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Other stores" in text
    assert "amount/{store}" in text
    assert "CO2 &lt;b&gt; (stock)" in text


def test_a_page_without_stores_does_not_speak_of_them(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 2}
    hw.run(case.write(), tmp_path / "output", threads=1, progress=False)
    page = write_report(tmp_path / "output", tmp_path / "page.html")
    assert "Other stores" not in page.read_text(encoding="utf-8")


def test_a_store_is_plotted_in_one_call(output: Path):
    figure = load_results(output).plot.store("battery", "Store")
    assert figure.layout.yaxis.title.text == "stored energy, MWh"
