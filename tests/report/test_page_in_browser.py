"""The page in a real browser: all is drawn, labelled and found, at any width, and nothing fails."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
from headwater.report import write_report
from page_looks import PHONE, WIDE, opened, overlaps, tab_names, visit
from shared_data import ORIGINALS

pytest.importorskip("plotly", reason="plotly is not installed")

UNITS = ("hm3", "%", "GWh", "MW", "$", "$/MWh", "$/hm3", "m3/s", " s")
WITHOUT_UNIT = (
    "stage",
    "end of the stage",
    "start of the stage",
    "iteration",
    "cuts",
    "bus",
    "line",
    "problems",
)


@pytest.fixture(scope="module")
def page(example_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(example_output, tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light")])
def test_every_tab_of_the_example_shows_labelled_pictures_without_an_error(
    browser: Any, page: Path, width: int, scheme: str
):
    looked_through(browser, page, width, scheme)


def looked_through(browser: Any, page: Path, width: int, scheme: str) -> None:
    """Visit all tabs: every picture is drawn, has titles with units, and fits the page."""
    with opened(browser, page, width, scheme) as tab:
        names = tab_names(tab)
        assert names[:2] == ["overview", "reservoirs"]
        for name in names:
            charts = visit(tab, name)
            assert charts or tab.query_selector("section.tab.shown table"), name
            for chart in charts:
                assert chart["title"], chart
                assert chart["traces"] > 0, chart
                if chart["key"] == "network":
                    continue  # a graph has no axes
                assert chart["x"], chart
                assert any(unit in chart["y"] for unit in UNITS) or chart["y"].startswith(
                    WITHOUT_UNIT
                ), chart
                assert chart["width"] <= width, chart
            assert overlaps(tab) == [], name
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        assert tab.evaluate("document.documentElement.dataset.theme") == scheme


def test_a_plant_is_found_by_a_part_of_its_name_and_drawn(browser: Any, page: Path):
    with opened(browser, page) as tab:
        visit(tab, "reservoirs")
        shown = "section.tab.shown"
        tab.fill(f"{shown} [data-searches=plant]", "lakes")
        assert [
            option.inner_text()
            for option in tab.query_selector_all(f"{shown} [data-choice=plant] option")
        ] == ["Lakeside"]
        titles = [
            one.inner_text()
            for one in tab.query_selector_all(f"{shown} .chart:not([hidden]) figcaption")
        ]
        assert titles == [
            "Lakeside: stored water",
            "Lakeside: generation",
            "Lakeside: simulated water value",
        ]
        assert overlaps(tab) == []
        tab.fill(f"{shown} [data-searches=plant]", "nothing is called this")
        assert len(tab.query_selector_all(f"{shown} [data-choice=plant] option")) == 8
        tab.fill(f"{shown} [data-searches=plant]", "6")
        assert tab.query_selector(f"{shown} figcaption").inner_text() == "Oasis: stored water"


def test_a_scenario_is_drawn_when_it_is_ticked(browser: Any, page: Path):
    with opened(browser, page) as tab:
        visit(tab, "reservoirs")
        legend = "document.querySelector('section.tab.shown .plot').querySelectorAll('.legendtext')"
        names = f"() => [...{legend}].map((text) => text.textContent)"
        assert not any("driest" in name for name in tab.evaluate(names))
        tab.check("section.tab.shown [data-scenario=driest]")
        assert any(name.startswith("driest (scenario ") for name in tab.evaluate(names))
        tab.uncheck("section.tab.shown [data-scenario=driest]")
        assert not any("driest" in name for name in tab.evaluate(names))


def test_the_data_of_a_picture_are_saved_as_a_table_of_what_is_drawn(
    browser: Any, page: Path, example_output: Path, tmp_path: Path
):
    with opened(browser, page) as tab:
        visit(tab, "reservoirs")
        tab.select_option("section.tab.shown [data-choice=plant]", "3")
        with tab.expect_download() as download:
            tab.click("section.tab.shown .chart [data-save=csv]")
        assert download.value.suggested_filename == "headwater-storage-3-hm3.csv"
        download.value.save_as(tmp_path / "data.csv")
    with (tmp_path / "data.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"end of the stage", "series", "stored water, hm3"}
    saved = [float(row["stored water, hm3"]) for row in rows if row["series"] == "median"]
    results = hw.load_results(example_output)
    table = results.table("hydros")
    mine = table.filter((table["hydro_id"] == 3) & (table["block_id"] == table["block_id"].max()))
    medians = [
        float(group["storage_final_hm3"].median())
        for _, group in mine.group_by("stage_id", maintain_order=True)
    ]  # type: ignore[arg-type]
    assert saved[1:] == pytest.approx(medians, rel=1e-5)
    assert saved[0] == pytest.approx(
        float(mine.filter(mine["stage_id"] == 0)["storage_initial_hm3"][0])
    )


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture_is_saved_as_an_image_with_its_title(
    browser: Any, page: Path, tmp_path: Path, kind: str
):
    with opened(browser, page) as tab:
        visit(tab, "balance")
        with tab.expect_download() as download:
            tab.click(f"section.tab.shown .chart [data-save={kind}]")
        assert download.value.suggested_filename == f"headwater-balance-all-mean.{kind}"
        download.value.save_as(tmp_path / "picture")
    content = (tmp_path / "picture").read_bytes()
    assert content.startswith(b"\x89PNG" if kind == "png" else b"<svg")
    assert len(content) > 5000
    if kind == "svg":
        assert "Whole system: energy balance" in content.decode()


def test_light_and_dark_are_switched_by_hand_and_redraw_the_pictures(browser: Any, page: Path):
    ink = "() => getComputedStyle(document.querySelector('section.tab.shown .xtick text')).fill"
    with opened(browser, page) as tab:
        light = tab.evaluate(ink)
        tab.click("#theme")
        assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
        assert tab.evaluate(ink) != light


def test_all_tabs_are_printed(browser: Any, page: Path):
    with opened(browser, page) as tab:
        content = tab.pdf(print_background=True)
        assert content.startswith(b"%PDF")
        # a page for each tab at least
        assert content.count(b"/Type /Page\n") + content.count(b"/Type/Page\n") + content.count(
            b"/Type /Page "
        ) >= len(tab_names(tab))


UGLY = {
    0: "<script>alert('a')</script>",
    1: "\"quoted\" & 'single' <b>bold</b>",
    2: "Ünïcode 水力 🌊 \u202e\u2028",
    3: "x" * 10_000,
    4: "=cmd()|</script><img src=x onerror=alert(1)>",
    5: "{{ 7 * 7 }} {% raw %}",
    6: "$x^2$ [link](javascript:alert(1))",
}


def test_ugly_names_are_shown_and_not_executed(browser: Any, example_output: Path, tmp_path: Path):
    output = shutil.copytree(example_output, tmp_path / "output")
    entities = output / "simulation" / "dictionaries" / "entities.csv"
    frame = pl.read_csv(entities)
    renamed = [
        UGLY.get(i, name) if code in (0, 2) else name for code, i, name, _ in frame.iter_rows()
    ]
    frame.with_columns(pl.Series("name", renamed)).write_csv(entities)
    for part in ("training", "simulation"):
        metadata = json.loads((output / part / "metadata.json").read_text())
        metadata["case"] = "<script>alert('case')</script>"
        (output / part / "metadata.json").write_text(json.dumps(metadata))
    with opened(browser, write_report(output), PHONE) as tab:
        assert tab.inner_text("h1") == "<script>alert('case')</script>"
        for name in tab_names(tab):
            visit(tab, name)
            assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE, name
            assert tab.query_selector("main img, main b, main script") is None
        visit(tab, "reservoirs")
        for i, name in UGLY.items():
            tab.fill("section.tab.shown [data-searches=plant]", name.strip()[:60])
            assert tab.input_value("section.tab.shown [data-choice=plant]") == str(i)
            title = tab.inner_text("section.tab.shown figcaption")
            shown = " ".join(name.split())
            drawn = title.removesuffix(": stored water")
            if drawn.endswith("…"):
                assert len(drawn) > 30, title
                assert shown.startswith(drawn[:-1]), title
            else:
                assert drawn == shown
            assert overlaps(tab) == []
        tab.fill("section.tab.shown [data-searches=plant]", "x" * 9_999)
        assert tab.input_value("section.tab.shown [data-choice=plant]") == "3"


N_LARGE = 160


def large_case() -> hw.Case:
    """Cascades of four with 160 plants at eight buses of a chain, short of energy in the end."""
    build = hw.SystemBuilder("large", start="2027-01", months=4, openings=3)
    for bus in range(8):
        build.bus(f"Bus {bus}").load(f"Bus {bus}", 1500.0)
        build.thermal(f"Gas {bus}", bus=f"Bus {bus}", max_mw=400.0, cost=60.0 + 20.0 * bus)
    for bus in range(7):
        build.line(f"Line {bus}", f"Bus {bus}", f"Bus {bus + 1}", 250.0 + 50.0 * bus)
    for plant in range(N_LARGE):
        below = f"Plant {plant + 1}" if plant % 4 < 3 else None
        build.hydro(
            f"Plant {plant}",
            bus=f"Bus {plant // 20}",
            storage_hm3=(20.0, 100.0 + 7.0 * plant),
            turbined_m3s=120.0 + plant,
            productivity=0.4 + 0.001 * plant,
            inflow=(40.0 + plant / 4.0, 15.0),
            downstream=below,
        )
    return build.build().with_(iterations=2, forward_passes=2, scenarios=8)


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    large_case().save(root / "case")
    hw.run(root / "case", root / "output", threads=1, progress=False)
    return write_report(root / "output")


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_tab_of_a_study_of_160_plants_shows_labelled_pictures_without_an_error(
    browser: Any, large_page: Path, width: int, scheme: str
):
    assert large_page.stat().st_size < 10e6
    looked_through(browser, large_page, width, scheme)


def test_one_of_160_plants_is_found_and_its_data_are_saved(
    browser: Any, large_page: Path, tmp_path: Path
):
    with opened(browser, large_page) as tab:
        visit(tab, "reservoirs")
        shown = "section.tab.shown"
        tab.fill(f"{shown} [data-searches=plant]", "plant 13")
        found = tab.query_selector_all(f"{shown} [data-choice=plant] option")
        assert [one.inner_text() for one in found] == [
            "Plant 13",
            *[f"Plant {number}" for number in range(130, 140)],
        ]
        tab.fill(f"{shown} [data-searches=plant]", "plant 137")
        assert tab.inner_text(f"{shown} figcaption") == "Plant 137: stored water"
        assert overlaps(tab) == []
        with tab.expect_download() as download:
            tab.click(f"{shown} .chart [data-save=csv]")
        assert download.value.suggested_filename == "headwater-storage-137-hm3.csv"
        download.value.save_as(tmp_path / "data.csv")
    with (tmp_path / "data.csv").open(encoding="utf-8-sig", newline="") as file:
        highest = {
            float(row["stored water, hm3"])
            for row in csv.DictReader(file)
            if row["series"] == "largest"
        }
    assert highest == {100.0 + 7.0 * 137}


@pytest.mark.slow
def test_the_page_of_4ree_shows_labelled_pictures_without_an_error(browser: Any, tmp_path: Path):
    if not ORIGINALS.is_dir():
        pytest.skip(f"the published cases are not at {ORIGINALS}")
    case = shutil.copytree(ORIGINALS / "4ree", tmp_path / "case")
    config = json.loads((case / "config.json").read_text())
    config["training"] |= {
        "forward_passes": 2,
        "stopping_rules": [{"type": "iteration_limit", "limit": 2}],
    }
    config["simulation"] = {"enabled": True, "num_scenarios": 10}
    (case / "config.json").write_text(json.dumps(config))
    hw.run(case, tmp_path / "output")
    page = write_report(tmp_path / "output")
    assert page.stat().st_size < 10e6
    for width in (WIDE, PHONE):
        looked_through(browser, page, width, "light")
