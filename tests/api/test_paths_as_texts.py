"""Paths may be texts, and every public name says what it takes and how it is used."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater import examples, pypsa
from headwater.imports import newave, tables
from headwater.imports.newave import NewaveComparison, NewaveImport
from headwater.report import plots

OF_NOTEBOOKS = {"facts"}
"""Members that are there for what notebooks show."""


def test_what_takes_a_path_takes_a_text(tmp_path: Path) -> None:
    here = str(tmp_path)
    hw.write_starter(f"{here}/case")
    assert hw.validate_case(f"{here}/case").ok
    hw.convert_case(f"{here}/case", f"{here}/converted")
    hw.write_schemas(f"{here}/schemas")
    case = hw.load_case(f"{here}/converted").with_(iterations=2, scenarios=3)
    case.save(f"{here}/short")
    hw.run(f"{here}/short", f"{here}/output", threads=1, progress=False)
    policy = hw.load_policy(f"{here}/output/policy", f"{here}/short")
    hw.save_policy(policy, f"{here}/policy")
    assert all(report.is_sound for report in hw.verify_policy(f"{here}/policy"))
    hw.export_policy(policy, f"{here}/cuts")
    hw.export_policy(policy, f"{here}/cuts.json")
    assert hw.check_policy(f"{here}/policy", f"{here}/short").simulation == ()
    hw.write_program(hw.stage_program(f"{here}/short", 0), f"{here}/stage.mps")
    assert hw.diagnose_program(hw.read_program(f"{here}/stage.mps")).outcome == "optimal"
    assert hw.overview(f"{here}/output")["status"] == "complete"
    assert hw.load_results(f"{here}/output").tables
    written = {path.name for path in tmp_path.iterdir()}
    assert {"case", "converted", "schemas", "policy", "cuts", "cuts.json", "stage.mps"} <= written


def public() -> Iterator[tuple[str, Any]]:
    """Functions and methods that a user calls."""
    classes: list[tuple[str, Any]] = []
    for module in (examples, newave, pypsa, tables):
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)
    for name in sorted(set(hw.__all__) - {"__version__"}):
        one = getattr(hw, name)
        if inspect.isfunction(one):
            yield name, one
        elif inspect.isclass(one) and not issubclass(one, BaseException):
            classes.append((name, one))
    kinds = (plots.ResultsPlots, plots.PolicyPlots, plots.FitPlots)
    classes += [(kind.__name__, kind) for kind in kinds]
    for name, kind in classes:
        for member, one in inspect.getmembers(kind, inspect.isfunction):
            if not member.startswith("_") and member not in OF_NOTEBOOKS:
                yield f"{name}.{member}", one


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_tells_its_arguments_and_has_an_example(name: str) -> None:
    one = PUBLIC[name]
    text = inspect.getdoc(one) or ""
    taken = [p for p in inspect.signature(one).parameters if p not in ("self", "cls")]
    told = set(re.findall(r"^ +[*]{0,2}(\w+(?:, \w+)*):", text, re.MULTILINE))
    told = {word for group in told for word in group.split(", ")}
    assert [argument for argument in taken if argument not in told] == []
    assert re.search(r"^Examples:\n( .*\n)* +>>> ", text, re.MULTILINE), "no example"


@pytest.mark.parametrize(
    "one",
    [getattr(hw, name) for name in hw.__all__ if inspect.isclass(getattr(hw, name))]
    + [pypsa.TranslationWarning, NewaveComparison, NewaveImport],
)
def test_every_public_class_has_an_example(one: type) -> None:
    assert re.search(r"^Examples:\n( .*\n)* +>>> ", inspect.getdoc(one) or "", re.MULTILINE)


def test_every_error_is_one_of_ours() -> None:
    errors = [
        getattr(hw, name)
        for name in hw.__all__
        if inspect.isclass(getattr(hw, name)) and issubclass(getattr(hw, name), BaseException)
    ]
    assert len(errors) > 10
    assert [one for one in errors if not issubclass(one, hw.HeadwaterError)] == []
