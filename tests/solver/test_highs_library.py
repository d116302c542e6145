"""The HiGHS library is found where it is, checked before it is used, and missed with words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.errors import SolverError
from headwater.solver import highs_library as hl

pytestmark = pytest.mark.versions

NAMED = {hl.LIBRARY_VARIABLE: "/chosen/libhighs.so"}


class _Function:
    """Stands in for a function of a library: types can be set on it, and it returns a number."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.restype: Any = None
        self.argtypes: Any = None

    def __call__(self, *_: Any) -> Any:
        return self.value


def library(
    version: tuple[int, int, int] = (99, 1, 2), integer_size: int = 4, without: tuple[str, ...] = ()
) -> Any:
    numbers = dict(
        zip(
            ("Highs_versionMajor", "Highs_versionMinor", "Highs_versionPatch"), version, strict=True
        )
    )
    numbers["Highs_getSizeofHighsInt"] = integer_size
    return SimpleNamespace(
        **{name: _Function(numbers.get(name, 1)) for name in hl._SIGNATURES if name not in without}
    )


def opening(**libraries: Any) -> Callable[[str], Any]:
    """A loader that knows some names; everything else does not load."""

    def load(name: str) -> Any:
        if name not in libraries:
            raise OSError("cannot open shared object file")
        return libraries[name]

    return load


def places(*candidates: str) -> list[hl.Place]:
    return [
        hl.Place(f"place {position}", (candidate,), "")
        for position, candidate in enumerate(candidates)
    ]


def test_the_first_place_that_loads_is_taken():
    found = hl.find_library({}, places("a", "b", "c"), opening(b=library((2, 0, 0)), c=library()))
    assert (found.name, found.version) == ("b", (2, 0, 0))
    assert found.library.Highs_run.restype is hl._INT


@pytest.mark.parametrize(
    ("unsuitable", "reason"),
    [
        (
            library(without=("Highs_setBasis", "Highs_run")),
            "has no function Highs_setBasis, Highs_run",
        ),
        (library(integer_size=8), "uses 64-bit indices; the build with 32-bit indices is needed"),
        (library((1, 10, 0)), "is version 1.10.0; 1.11.0 or later is needed"),
    ],
)
def test_a_library_that_does_not_suit_is_passed_over_and_remembered(unsuitable: Any, reason: str):
    assert hl.find_library({}, places("a", "b"), opening(a=unsuitable, b=library())).name == "b"
    with pytest.raises(SolverError) as caught:
        hl.find_library({}, places("a"), opening(a=unsuitable))
    assert f"place 0: a: {reason}" in str(caught.value)


def test_the_named_library_goes_before_all_others():
    load = opening(**{NAMED[hl.LIBRARY_VARIABLE]: library((98, 0, 0)), "a": library()})
    assert hl.find_library(NAMED, places("a"), load).version == (98, 0, 0)


def test_a_named_library_that_does_not_load_is_an_error_and_no_other_takes_its_place():
    with pytest.raises(
        SolverError,
        match=r"'/chosen/libhighs.so', which HEADWATER_HIGHS_LIBRARY names, cannot be used: "
        r"does not load",
    ):
        hl.find_library(NAMED, places("a"), opening(a=library()))


def test_an_empty_name_is_no_name():
    assert hl.find_library({hl.LIBRARY_VARIABLE: ""}, places("a"), opening(a=library())).name == "a"


def test_who_finds_none_says_where_it_looked_and_what_to_install():
    empty = hl.Place("highsbox", (), "is not installed")
    with pytest.raises(SolverError) as caught:
        hl.find_library({}, [empty, *places("a")], opening())
    assert str(caught.value).splitlines() == [
        "no HiGHS library was found that can be used; this was tried:",
        "  - HEADWATER_HIGHS_LIBRARY: not set",
        "  - highsbox: is not installed",
        "  - place 0: a: does not load (cannot open shared object file)",
        "install one with 'pip install highsbox', or name the file of a HiGHS library 1.11 or "
        "later in HEADWATER_HIGHS_LIBRARY",
    ]


def test_places_after_the_one_that_suits_are_not_looked_into():
    def look():
        yield from places("a")
        raise AssertionError("looked on")

    assert hl.find_library({}, look(), opening(a=library())).name == "a"


LAYOUTS = {
    "linux": ("highs_dist/lib/libhighs.so", "libhighs.so.1", "lib/libhighs.so.1"),
    "darwin": ("highs_dist/lib/libhighs.dylib", "libhighs.1.15.dylib", "lib/libhighs.1.dylib"),
    "win32": ("highs_dist/bin/highs.dll", "highs.dll", "Library/bin/highs.dll"),
}


@pytest.mark.parametrize("platform", LAYOUTS)
def test_every_place_is_known_on_every_platform(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ("highsbox", "highspy", "conda")
    box, py, conda = (
        tmp_path / name / file for name, file in zip(names, LAYOUTS[platform], strict=True)
    )
    for file in (box, py, conda):
        file.parent.mkdir(parents=True)
        # what lies beside a library must not be taken for it
        for name in (
            file.name,
            "highs.lib",
            "libopenblas.so",
            "openblas.dll",
            "libhighs_plugin.so",
            "highs.exe",
        ):
            (file.parent / name).touch()
    for package in ("highsbox", "highspy"):
        (tmp_path / package / "__init__.py").touch()
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(hl.ctypes.util, "find_library", lambda name: f"found-{name}")
    looked = list(hl.places_to_look({"CONDA_PREFIX": str(tmp_path / "conda")}, platform))
    assert [place.name for place in looked[:3]] == list(names)
    assert [place.candidates for place in looked[:3]] == [(str(box),), (str(py),), (str(conda),)]
    assert looked[-1].name == "the system"
    assert looked[-1].candidates[0] == "found-highs"


def test_a_missing_package_and_an_empty_one_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tmp_path)
    assert hl._packaged("headwater_no_such_package", "linux").remark == "is not installed"
    (tmp_path / "headwater_empty_package").mkdir()
    (tmp_path / "headwater_empty_package" / "__init__.py").touch()
    assert "no HiGHS library in" in hl._packaged("headwater_empty_package", "linux").remark


def test_a_file_under_several_names_is_tried_once(tmp_path: Path):
    (tmp_path / "libhighs.so.1.15.1").touch()
    for name in ("libhighs.so.1", "libhighs.so"):
        (tmp_path / name).symlink_to("libhighs.so.1.15.1")
    assert hl._place("here", [tmp_path], "linux").candidates == (str(tmp_path / "libhighs.so"),)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def test_a_command_that_solves_says_which_library_was_wrong_without_a_traceback(tmp_path: Path):
    wrong = tmp_path / "libhighs.so"
    wrong.write_text("not a library", encoding="utf-8")
    case = tmp_path / "case"
    command = "import sys; from headwater.cli import main; sys.argv = ['headwater', *{!r}]; main()"
    assert (
        run_python(
            command.format(["init", str(case)]), HEADWATER_HIGHS_LIBRARY=str(wrong)
        ).returncode
        == 0
    )
    done = run_python(
        command.format(["run", str(case), "--output", str(tmp_path / "out")]),
        HEADWATER_HIGHS_LIBRARY=str(wrong),
    )
    assert done.returncode == SolverError.exit_code
    assert "Traceback" not in done.stderr
    assert "which HEADWATER_HIGHS_LIBRARY names, cannot be used: does not load" in " ".join(
        done.stderr.split()
    )


def test_the_version_is_shown_even_without_a_library():
    command = (
        "import sys; from headwater.cli import main; sys.argv = ['headwater', '--version']; main()"
    )
    done = run_python(command, HEADWATER_HIGHS_LIBRARY="/no/such/libhighs.so")
    assert done.returncode == 0
    assert "(no HiGHS library, Python 3." in done.stdout
