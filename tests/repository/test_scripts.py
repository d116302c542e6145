"""The scripts can be run, stop at the first error, and say what is wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts need bash")

NAMES = (
    *(
        "scripts/setup",
        "scripts/demo",
        "scripts/test",
        "scripts/test-versions",
        "scripts/test-package",
        "scripts/lock",
        "scripts/python",
    ),
    ".ci/run",
)


def run_setup(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Source ``scripts/setup`` as the other scripts do."""
    return subprocess.run(
        ["bash", "-c", '. "$1/scripts/setup" users', "demo", str(root)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_script_is_executable_and_strict(root: Path, name: str) -> None:
    script = root / name
    lines = script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1] == "set -euo pipefail"


def test_no_script_is_left_out_of_these_tests(root: Path) -> None:
    shell = {
        f"scripts/{s.name}"
        for s in (root / "scripts").iterdir()
        if s.is_file() and s.read_text().startswith("#!/usr/bin/env bash")
    }
    assert shell == {n for n in NAMES if n.startswith("scripts/")}


@pytest.mark.parametrize("name", NAMES)
def test_script_parses(root: Path, name: str) -> None:
    subprocess.run(["bash", "-n", str(root / name)], check=True)


def test_setup_says_what_it_needs_when_no_python_will_do(root: Path, tmp_path: Path) -> None:
    done = run_setup(root, HEADWATER_VENV=str(tmp_path / "venv"), HEADWATER_PYTHON="no-such-python")
    assert done.returncode == 1
    assert (
        "Headwater needs Python 3.11 or newer with venv and pip. None of "
        "these will do: no-such-python" in done.stderr
    )
    assert not (tmp_path / "venv").exists()


def test_setup_refuses_a_python_that_is_too_old(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = run_setup(root, HEADWATER_VENV=str(tmp_path / "venv"), HEADWATER_PYTHON=str(old))
    assert done.returncode == 1
    assert str(old) in done.stderr


def test_setup_leaves_a_directory_alone_that_is_no_environment(root: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    done = run_setup(root, HEADWATER_VENV=str(tmp_path), CI="true")
    assert done.returncode == 1
    assert "will not be touched" in done.stderr
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_checks_stop_at_the_first_failure_and_name_it(root: Path, tmp_path: Path) -> None:
    """Run ``scripts/test`` in a copy whose set-up does nothing and whose tools are stand-ins.

    The type check fails.
    """
    (tmp_path / "scripts").mkdir()
    shutil.copy(root / "scripts" / "test", tmp_path / "scripts" / "test")
    (tmp_path / "scripts" / "setup").write_text(f"bin={tmp_path}/tools\n", encoding="utf-8")
    versions = tmp_path / "scripts" / "test-versions"
    versions.write_text('#!/bin/sh\necho "$1 ran"\n', encoding="utf-8")
    versions.chmod(0o755)
    package = tmp_path / "scripts" / "test-package"
    package.write_text("#!/bin/sh\necho package ran\n", encoding="utf-8")
    package.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("ruff", "mypy", "lint-imports", "python", "headwater", "mkdocs"):
        (tools / tool).write_text(
            f"#!/bin/sh\necho {tool} ran\nexit {3 if tool == 'mypy' else 0}\n", encoding="utf-8"
        )
        (tools / tool).chmod(0o755)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(tmp_path / "scripts" / "test")],
            capture_output=True,
            text=True,
            check=False,
        )

    failed = run()
    assert failed.returncode == 3
    shown = " ".join(
        line for line in failed.stdout.splitlines() if line and not line.startswith("(")
    )
    assert (
        shown
        == "=== set-up === === lint === ruff ran === format === ruff ran === types === mypy ran"
    )
    assert failed.stderr.strip() == "FAILED: types (exit code 3)"

    (tools / "mypy").write_text("#!/bin/sh\n", encoding="utf-8")
    passed = run()
    assert passed.returncode == 0
    assert passed.stdout.endswith("All checks passed.\n")
    ran = [
        line.removesuffix(" ran") for line in passed.stdout.splitlines() if line.endswith(" ran")
    ]
    assert ran == [
        "ruff",
        "ruff",
        "lint-imports",
        "python",
        "headwater",
        "lowest",
        "newest",
        "package",
        "mkdocs",
    ]
    assert "(tests: 0 s)" in passed.stdout


def declared(root: Path) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def requirements(root: Path, kind: str) -> list[str]:
    """What ``scripts/requirements`` prints."""
    command = [sys.executable, str(root / "scripts" / "requirements"), kind]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[
        :-1
    ]


def test_the_lowest_versions_are_those_that_are_declared(root: Path) -> None:
    found = dict(line.split("==") for line in requirements(root, "lowest"))
    assert set(found) == {requirement.name for requirement in declared(root)}
    for requirement in declared(root):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(found[requirement.name])
            assert not any(
                spec.operator == ">=" and Version(spec.version) > Version(found[requirement.name])
                for spec in requirement.specifier
            )


def test_what_an_installer_chooses_from_has_all_that_is_declared(root: Path) -> None:
    newest = [Requirement(line) for line in requirements(root, "newest")]
    assert {one.name for one in newest} == {one.name for one in declared(root)}
    assert any("<" in str(one.specifier) for one in newest if one.name == "numba")


def locked(root: Path, name: str) -> list[tuple[Requirement, list[str]]]:
    """The requirements of a lock file, each with its hashes."""
    text = (root / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(" --hash=") for line in text.splitlines() if not line.startswith("#")]
    return [(Requirement(line[0].strip()), [value.strip() for value in line[1:]]) for line in lines]


@pytest.mark.parametrize("name", ["users.txt", "checks.txt"])
def test_every_locked_version_has_hashes_and_no_address(root: Path, name: str) -> None:
    assert "://" not in (root / "requirements" / name).read_text(encoding="utf-8")
    for requirement, hashes in locked(root, name):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


SYSTEMS = [
    ("linux", "x86_64", "Linux"),
    ("darwin", "arm64", "Darwin"),
    ("darwin", "x86_64", "Darwin"),
    ("win32", "AMD64", "Windows"),
]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_locked_versions_are_admitted_and_complete_on_every_system(
    root: Path, python: str, system: tuple[str, str, str]
) -> None:
    here = {
        **dict(zip(("sys_platform", "platform_machine", "platform_system"), system, strict=True)),
        **{
            "python_version": python,
            "python_full_version": f"{python}.9",
            "platform_python_implementation": "CPython",
        },
    }
    versions: dict[str, list[str]] = {}
    for requirement, _ in locked(root, "users.txt"):
        if requirement.marker is None or requirement.marker.evaluate(here):
            versions.setdefault(requirement.name, []).append(
                next(iter(requirement.specifier)).version
            )
    for requirement in declared(root):
        if requirement.marker is None or requirement.marker.evaluate(here):
            assert len(versions[requirement.name]) == 1
            assert requirement.specifier.contains(versions[requirement.name][0]), (
                f"run scripts/lock: {requirement}"
            )
    assert {"hatchling", "editables"} <= set(versions)


def test_the_checks_run_with_the_versions_of_users(root: Path) -> None:
    pinned = {str(requirement) for requirement, _ in locked(root, "checks.txt")}
    names = {requirement.name for requirement in declared(root)}
    assert {str(one) for one, _ in locked(root, "users.txt") if one.name in names} <= pinned
