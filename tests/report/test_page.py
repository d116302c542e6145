"""What a page is made of, whatever a run left behind, and what is said where it cannot be made."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.errors import ResultsError, UsageError
from headwater.report import write_report
from headwater.report.charts import Charts, as_json
from headwater.report.drawing import Drawing, line
from headwater.report.words import amount, between, listed, share


def tiny_run(root: Path, **simulation: object) -> Path:
    case = tiny_case(root / "case")
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 6, **simulation}
    hw.run(case.write(), root / "output", threads=1)
    return root / "output"


def notes(page: str) -> list[str]:
    return re.findall(r'<p class="note">(.*?)</p>', page, re.DOTALL)


@pytest.fixture(autouse=True)
def _with_plotly(request: pytest.FixtureRequest) -> None:
    if "without_plotly" not in request.node.name and "_of_numbers" not in request.node.name:
        pytest.importorskip("plotly", reason="plotly is not installed")


def test_a_page_is_one_file_that_asks_for_no_other(tmp_path: Path):
    page = write_report(tiny_run(tmp_path))
    assert page == tmp_path / "output" / "report.html"
    text = page.read_text(encoding="utf-8")
    before_plotly = text[: text.index("plotly.js v")]
    assert not re.search(r"""(src|href)=["'](?!#)""", before_plotly)
    assert text.count("plotly.js v") == 1
    assert all("record of the past" in note for note in notes(text))
    assert page.stat().st_size < 6e6


def test_a_run_that_was_not_simulated_says_so_on_the_tabs_of_the_simulation(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    hw.run(case.write(), tmp_path / "output", threads=1)
    text = write_report(tmp_path / "output").read_text(encoding="utf-8")
    assert len(notes(text)) >= 4
    assert all("the run was not simulated" in note for note in notes(text))
    assert "Lower bound" in text
    assert "Simulated cost" not in text


def test_a_simulation_alone_has_all_but_the_training(tmp_path: Path):
    output = tiny_run(tmp_path)
    shutil.rmtree(output / "training")
    text = write_report(output).read_text(encoding="utf-8")
    assert sum("of a simulation alone" in note for note in notes(text)) == 1
    assert "chart:storage/all/hm3" in text
    assert "chart:storage/all/share" not in text  # the limits come with a training


def test_a_run_without_tables_shows_what_it_kept(tmp_path: Path):
    output = tiny_run(tmp_path, detail="summary")
    text = write_report(output).read_text(encoding="utf-8")
    assert "Simulated cost" in text
    assert "chart:cost-distribution" in text
    assert any("there is no table &#39;hydros&#39;" in note for note in notes(text))


def test_where_there_are_no_results_that_is_said(tmp_path: Path):
    with pytest.raises(ResultsError, match="holds no results of a run"):
        write_report(tmp_path)


def test_metadata_that_lack_what_a_page_needs_are_called_damaged(tmp_path: Path):
    output = tiny_run(tmp_path)
    metadata = json.loads((output / "simulation" / "metadata.json").read_text())
    del metadata["cost"]
    (output / "simulation" / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ResultsError, match=r"metadata\.json .* is damaged"):
        write_report(output)


def test_without_plotly_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    output = tiny_run(tmp_path)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    sentence = r"^pictures need plotly: pip install 'headwater\[report\]'$"
    with pytest.raises(UsageError, match=sentence):
        write_report(output)
    with pytest.raises(UsageError, match=sentence):
        hw.load_results(output).plot.storage()


def test_a_chart_writes_shared_lists_once_and_rounds_numbers():
    charts = Charts()
    x = [f"2027-0{month}-01" for month in range(1, 8)]
    for key in ("a", "b"):
        charts.add(
            key,
            Drawing(
                "<b>",
                [line(x, [1.23456789, float("nan"), 2e9, 5.0, 0, 0, 0], "</script>", "red")],
                "x",
                "y",
            ),
        )
    assert json.loads(charts.shared) == [x]
    chart = json.loads(charts.items()["b"])
    assert chart["data"][0]["x"] == {"$": 0}
    assert chart["data"][0]["y"] == [1.23457, None, 2000000000, 5, 0, 0, 0]
    assert chart["layout"]["title"]["text"] == "&lt;b&gt;"
    assert "<" not in charts.items()["b"]
    assert as_json("</script>\u2028") == '"\\u003c/script\\u003e\\u2028"'


def test_words_of_numbers_are_short_and_keep_their_unit():
    nbsp = "\u00a0"
    assert amount(2_357_358_090.7) == f"2.357{nbsp}billion{nbsp}$"
    assert amount(58_700_161.0) == f"58.70{nbsp}million{nbsp}$"
    assert amount(-12.5) == f"\u221212.50{nbsp}$"
    assert between(2_373_648_219.0, 57_253_928.9) == f"2.374{nbsp}±{nbsp}0.057 billion{nbsp}$"
    assert between(5.0, 0.25) == f"5.00 ±{nbsp}0.25{nbsp}$"
    assert [share(one) for one in (0.0, 1.0, 0.0302, 0.5, 0.0002)] == [
        f"{text}{nbsp}%" for text in ("0", "100", "3.0", "50", "0.02")
    ]
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_the_history_is_shown_while_the_case_is_there_and_else_it_is_said_why_not(tmp_path: Path):
    output = tiny_run(tmp_path)
    text = write_report(output).read_text(encoding="utf-8")
    assert notes(text) == [
        "The case gives the model of its inflows; it holds no record of the past to show."
    ]
    assert "mean of the model" in text
    case = (tmp_path / "case").rename(tmp_path / "elsewhere")
    text = write_report(output).read_text(encoding="utf-8")
    assert any("is not at" in note and "--case" in note for note in notes(text))
    assert "mean of the model" in write_report(output, case=case).read_text(encoding="utf-8")
    changed = tiny_case(case)
    changed.hydros[0]["reservoir"]["max_storage_hm3"] *= 2
    changed.write()
    with pytest.raises(UsageError, match="is not the case of these results"):
        write_report(output, case=case)
    case.rename(tmp_path / "case")
    text = write_report(output).read_text(encoding="utf-8")
    assert any("has changed since the run" in note for note in notes(text))
