"""What is built from numbers is what was published, where the originals are there to compare
with.
"""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from headwater.case import load_case
from published import CASES, FIGURES, case_directory, newave
from shared_data import ORACLES, ORIGINALS, SHARED, requires_shared


def without_words(system):
    """Free text of constraints is not taken over."""
    constraints = tuple(
        dataclasses.replace(one, description="") for one in system.generic_constraints
    )
    return dataclasses.replace(system, generic_constraints=constraints)


@requires_shared
def test_every_case_is_the_same_study_as_its_original():
    assert {path.name for path in ORIGINALS.iterdir() if path.is_dir()} == set(CASES)
    for name in CASES:
        ours, original = load_case(case_directory(name)), load_case(ORIGINALS / name)
        assert without_words(ours.system) == without_words(original.system), name
        assert ours.config == original.config, name


@requires_shared
def test_every_figure_is_the_one_that_was_published():
    published = json.loads((SHARED / "cases" / "expected.json").read_text(encoding="utf-8"))
    assert set(published) == set(CASES)
    for name, entry in published.items():
        if "lower_bound" not in entry:
            assert name not in FIGURES
            continue
        figure = FIGURES[name]
        assert figure.lower_bound == pytest.approx(entry["lower_bound"], rel=1e-14), name
        assert (figure.tolerance, figure.iterations) == (entry["abs"], entry["max_iterations"]), (
            name
        )
        assert figure.violated == tuple(entry.get("positive", ())), name
        assert figure.simulated == entry.get("simulation_mean", False), name


@requires_shared
def test_the_tables_of_the_newave_report_are_the_printed_ones():
    text = (ORACLES / "newave-parp-sudeste.txt").read_text(encoding="utf-8", errors="replace")
    sections = {part.split(":")[0].strip(): part.splitlines() for part in text.split("#####")[1:]}
    number = re.compile(r"-?\d?\.\d+E[+-]\d\d")

    def rows(section, label):
        return [line.split()[1:] for line in sections[section] if re.match(rf"^\s*{label}", line)]

    def numbers(section):
        return [found for line in sections[section] if (found := number.findall(line))]

    month = r"[A-Z]{3}/2019"
    assert newave.printed("series") == rows("MockSeriesEnergiaPARp", r"(19|20)\d\d\s")[:87]
    assert newave.printed("autocorrelations") == rows("MockCorrelacaoSeriesEnergiasREE", month)
    assert newave.printed("partial_autocorrelations") == rows(
        "MockCorrelacaoParcialSeriesEnergiaREE", month
    )
    assert newave.printed("annual_cross_correlations") == rows(
        "MockCorrelCruzadaMedia12Meses", month
    )
    assert newave.printed("coefficients") == numbers("MockCoeficientesModeloREE")[:48]
    assert newave.printed("residuals") == numbers("MockSerieRuidosREE")[1:87]
    assert rows("MockOrdemOriginalModeloREE", "2019")[0] == list(map(str, newave.SELECTED_ORDERS))


def test_a_case_is_written_once_a_process():
    assert case_directory("1dtoy") is case_directory("1dtoy")
    assert sorted(path.name for path in case_directory("1dtoy").iterdir())[0] == "config.json"
