"""Files of stage programs.

What is written is read back to the last bit, and what is no program is refused with its line.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import headwater as hw
from headwater.case import TEMPLATES, write_starter
from headwater.errors import ResultsError
from headwater.lp import NamedProgram, basis_lines, read_basis, read_program, write_program
from headwater.sddp.simulation.inspection import scenario_program
from published import CASES, case_directory
from read_by_highs import ReadByHighs
from small_systems import study
from whole_systems import whole_system

ARRAYS = ("cost", "column_lower", "column_upper", "row_lower", "row_upper")


def assert_same(found: NamedProgram, program: NamedProgram) -> None:
    assert (found.title, found.columns, found.rows) == (
        program.title,
        program.columns,
        program.rows,
    )
    for name in ARRAYS:
        assert np.array_equal(getattr(found, name), getattr(program, name)), name
    both = [sp.csr_array(one.matrix, copy=True) for one in (found, program)]
    for one in both:
        one.eliminate_zeros()
        one.sort_indices()
    assert np.array_equal(both[0].indptr, both[1].indptr)
    assert np.array_equal(both[0].indices, both[1].indices)
    assert np.array_equal(both[0].data, both[1].data)


def assert_read_back(program: NamedProgram, path: Path) -> None:
    write_program(program, path)
    assert_same(read_program(path), program)


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_every_stage_of_the_starter_cases_is_read_back(tmp_path: Path, template: str) -> None:
    case = hw.load_case(write_starter(tmp_path / "case", template))
    for stage in case.system.stages:
        assert_read_back(scenario_program(case, stage.id), tmp_path / "stage.mps")


@pytest.mark.parametrize(
    "path", [case_directory(name) for name in CASES], ids=lambda path: path.name
)
def test_first_and_last_stage_of_every_published_case_are_read_back(
    tmp_path: Path, path: Path
) -> None:
    case = hw.load_case(path)
    for stage in (case.system.stages[0], case.system.stages[-1]):
        assert_read_back(scenario_program(case, stage.id, scenario=0), tmp_path / "stage.mps")


def test_cuts_ranges_and_every_kind_of_limit_are_read_back(tmp_path: Path) -> None:
    chosen = study(whole_system(2), iterations=3, forward_passes=2, method="penalty")
    policy = hw.train(chosen, threads=1)
    for stage in chosen.system.stages:
        assert_read_back(
            scenario_program(chosen, stage.id, scenario=1, policy=policy), tmp_path / "stage.mps"
        )


def odd_program() -> NamedProgram:
    """All kinds of rows and limits.

    A range, no limit, above zero only, below zero only, fixed, free.
    """
    inf = np.inf
    return NamedProgram(
        "all kinds; ç in $",
        ("a", "below", "fixed", "free", "no_entry", "at_most"),
        ("range", "equal", "least", "most", "nothing"),
        sp.csr_array(np.diag([3.0, 7.0, 0.1, 1e-5, 5.0, 2.0])[:5]),
        np.array([0.1, -2.0, 0.0, 1e-7, 0.0, 3.0]),
        np.array([0.0, -inf, 2.5, -inf, 0.0, -7.0]),
        np.array([inf, -1.0, 2.5, inf, inf, -0.5]),
        np.array([0.1, 1.0, -3.0, -inf, -inf]),
        np.array([0.3, 1.0, inf, 5.0, inf]),
    )  # fmt: skip


def test_all_kinds_of_rows_and_limits_are_read_back(tmp_path: Path) -> None:
    assert_read_back(odd_program(), tmp_path / "odd.mps")
    # limits that contradict each other are what one wants to look at
    torn = dataclasses.replace(
        odd_program(), column_upper=np.array([-4.0, -1.0, 2.5, np.inf, np.inf, -0.5])
    )
    assert_read_back(torn, tmp_path / "torn.mps")
    with ReadByHighs(tmp_path / "torn.mps") as solver:
        assert solver.lower_limit(0) == 0.0


def test_a_basis_is_read_back_and_starts_another_solver_at_the_optimum(tmp_path: Path) -> None:
    program = scenario_program(study(whole_system(2), method="penalty"), 1)
    write_program(program, tmp_path / "stage.mps")
    with ReadByHighs(tmp_path / "stage.mps") as solver:
        optimum = solver.run()
        columns, rows = solver.basis()
    # HiGHS leaves columns without lower limit at "zero" or "non-basic"; the form knows
    # lower, upper and basic
    file = tmp_path / "stage.bas"
    file.write_text("\n".join(basis_lines(program, columns, rows)) + "\n")
    found = read_basis(file, program)
    assert [
        np.array_equal(a == 1, b == 1) for a, b in zip(found, (columns, rows), strict=True)
    ] == [True, True]
    assert np.array_equal(found[0] == 2, columns == 2)
    with ReadByHighs(tmp_path / "stage.mps") as other:
        other.start_from(*found)
        assert other.run() == pytest.approx(optimum, rel=1e-12)
        assert other.iterations == 0


SOUND = """* a title
NAME x
ROWS
 N cost
 G r
COLUMNS
 x cost 1
 x r 1
RHS
 RHS r 2
BOUNDS
 UP BND x 9
ENDATA
"""


@pytest.mark.parametrize(
    ("before", "after", "line", "what"),
    [
        (" G r", " Q r", 5, "'Q' is not a kind of row"),
        (" x r 1", " x s 1", 8, "'s' is not known"),
        (" x r 1", " x r one", 8, "could not convert"),
        (" x r 1", " x r", 8, "come in pairs"),
        (" x r 1", " M 'MARKER' 'INTORG'", 8, "integers are not read"),
        (" RHS r 2", " RHS cost 2", 10, "a constant in the objective"),
        (" UP BND x 9", " BV BND x", 12, "'BV' is not a limit"),
        (" UP BND x 9", " UP BND y 9", 12, "'y' is not known"),
        ("BOUNDS", "SOS", 11, "'SOS' is not a section"),
        ("NAME x", "OBJSENSE MAX", 2, "only minimisation"),
        ("ENDATA", "", 13, "cut off"),
        (" N cost", " G r", 5, "stands there twice"),
        (" x r 1", " x r nan", 8, "'nan' is not a number"),
    ],
)
def test_what_is_no_program_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, line: int, what: str
) -> None:
    path = tmp_path / "x.mps"
    path.write_text(SOUND)
    assert read_program(path).title == "a title"
    path.write_text(SOUND.replace(before, after, 1))
    with pytest.raises(ResultsError, match=rf"x\.mps, line {line}: .*{what}"):
        read_program(path)


def test_files_that_are_not_text_or_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mps").write_bytes(b"\xff\xfe\x00")
    for name in ("x.mps", "none.mps"):
        with pytest.raises(ResultsError, match=f"{name} cannot be read"):
            read_program(tmp_path / name)
    program = odd_program()
    for text, what in (
        ("NAME x\n XU nobody range\nENDATA\n", "'nobody' is not known"),
        ("NAME x\n", "cut off"),
    ):
        (tmp_path / "x.bas").write_text(text)
        with pytest.raises(ResultsError, match=f"not a basis of all kinds.*{what}"):
            read_basis(tmp_path / "x.bas", program)
