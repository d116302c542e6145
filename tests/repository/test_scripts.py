"""The scripts can be run, stop at the first error, and say what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts need bash")

NAMES = ("scripts/setup", "scripts/demo", "scripts/test", ".ci/run")


def run_setup(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Source ``scripts/setup`` as the other scripts do."""
    return subprocess.run(
        ["bash", "-c", '. "$1/scripts/setup" ""', "demo", str(root)],
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
    shell = {f"scripts/{s.name}" for s in (root / "scripts").iterdir() if s.read_text().startswith("#!/usr/bin/env bash")}
    assert shell == {n for n in NAMES if n.startswith("scripts/")}


@pytest.mark.parametrize("name", NAMES)
def test_script_parses(root: Path, name: str) -> None:
    subprocess.run(["bash", "-n", str(root / name)], check=True)


def test_setup_says_what_it_needs_when_no_python_will_do(root: Path, tmp_path: Path) -> None:
    done = run_setup(root, HEADWATER_VENV=str(tmp_path / "venv"), HEADWATER_PYTHON="no-such-python")
    assert done.returncode == 1
    assert "Headwater needs Python 3.11 or newer with venv and pip. None of these will do: no-such-python" in done.stderr
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
    """Run ``scripts/test`` in a copy whose set-up does nothing and whose tools are stand-ins; the type check fails."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(root / "scripts" / "test", tmp_path / "scripts" / "test")
    (tmp_path / "scripts" / "setup").write_text(f"bin={tmp_path}/tools\n", encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("ruff", "mypy", "lint-imports", "python", "headwater", "mkdocs"):
        (tools / tool).write_text(f"#!/bin/sh\necho {tool} ran\nexit {3 if tool == 'mypy' else 0}\n", encoding="utf-8")
        (tools / tool).chmod(0o755)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", str(tmp_path / "scripts" / "test")], capture_output=True, text=True, check=False)

    failed = run()
    assert failed.returncode == 3
    shown = " ".join(failed.stdout.split())
    assert shown == "=== set-up === === lint === ruff ran === format === ruff ran === types === mypy ran"
    assert failed.stderr.strip() == "FAILED: types (exit code 3)"

    (tools / "mypy").write_text("#!/bin/sh\n", encoding="utf-8")
    passed = run()
    assert passed.returncode == 0
    assert passed.stdout.endswith("All checks passed.\n")
    ran = [line.removesuffix(" ran") for line in passed.stdout.splitlines() if line.endswith(" ran")]
    assert ran == ["ruff", "ruff", "lint-imports", "python", "headwater", "mkdocs"]
