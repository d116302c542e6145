"""The tool that asks whether tests notice bugs, on a small package of its own."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pytest

import mutate
import nearest_tests
from mutants import CHANGES, Mutant, mutants_of

SOURCE = b'''"""Text 1 < 2."""
import os

LIMIT: int = 1e-6


def total(values: list[int], first=True, *, strict=True):
    """Words."""
    found = 0
    for i in range(1, len(values)):
        if values[i] < 0 and not first:
            continue
        found += values[i] if i else -1
    os.fsync(found)
    values[0] = max(found, 3) - values[:2][0]
    log.info("%d" % 7)
    if found == 5:
        raise ValueError(f"{found + 1} \xc3\xa9")
    return found / 2
'''


@pytest.fixture(scope="module")
def packages() -> dict[str, list[Mutant]]:
    return mutate.all_mutants()


def changed(kind: str) -> set[tuple[str, str]]:
    return {(one.was, one.becomes) for one in mutants_of("a.py", SOURCE) if one.kind == kind}


def test_each_kind_of_bug_is_found_and_nothing_in_words_types_or_log_lines() -> None:
    assert changed("comparison") == {
        ("values[i] < 0", "(values[i] <= 0)"),
        ("found == 5", "(found != 5)"),
    }
    assert changed("and/or") == {("values[i] < 0 and not first", "(values[i] < 0 or not first)")}
    assert changed("sign") == {("not first", "(first)"), ("-1", "(1)")}
    assert changed("range") == {
        ("range(1, len(values))", "(range(1, len(values) - 1))"),
        ("range(1, len(values))", "(range(1 + 1, len(values)))"),
    }
    assert changed("sync left out") == {("os.fsync(found)", "pass")}
    assert changed("jump") == {("continue", "pass")}
    assert changed("slice") == {(":2", ":2 - 1")}
    assert changed("opposite") == {("max(found, 3)", "(min(found, 3))")}
    assert changed("choice") == {("values[i] if i else -1", "(-1 if i else values[i])")}
    assert {was for was, _ in changed("statement left out")} == {
        "found += values[i] if i else -1",
        "values[0] = max(found, 3) - values[:2][0]",
        'raise ValueError(f"{found + 1} é")',
    }
    assert ("found / 2", "(found * 2)") in changed("arithmetic")
    assert {
        ("1e-6", "(9.999999999999999e-05)"),
        ("True", "(False)"),
        ("3", "(6)"),
        ("0", "(1)"),
    } <= changed("constant")
    assert not any(one.line in {1, 16} for one in mutants_of("a.py", SOURCE))
    assert {kind for kind, _ in CHANGES} == {one.kind for one in mutants_of("a.py", SOURCE)}


def test_a_mutant_is_the_file_with_one_node_changed() -> None:
    for mutant in mutants_of("a.py", SOURCE):
        text = mutant.applied(SOURCE)
        assert mutant.is_code(SOURCE)
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(SOURCE))
        assert text.count(b"\n") <= SOURCE.count(b"\n")
        assert text[: mutant.start] == SOURCE[: mutant.start]
        assert text.endswith(SOURCE[mutant.end :])


def test_a_mutant_that_is_no_code_is_known() -> None:
    assert not Mutant("a.py", 1, "sign", "x", "(", 0, 0).is_code(b"x = 1\n")


def test_the_same_seed_draws_the_same_mutants_from_every_package_in_turn(
    packages: dict[str, list[Mutant]],
) -> None:
    assert {"api", "case", "solver", "sddp", "stochastic", "headwater"} <= set(packages)
    first, again, other = (list(islice(mutate.drawn(packages, seed), 100)) for seed in (1, 1, 2))
    assert first == again != other
    names = [one.module.split("/")[0] if "/" in one.module else "headwater" for one in first]
    assert names[: len(packages)] == sorted(packages)
    assert len({one.id for one in first}) == len(first)
    assert len({(one.module, one.line) for one in first}) == len(first)


def test_every_module_has_tests_that_are_there() -> None:
    for path in sorted((mutate.ROOT / mutate.SOURCE).rglob("*.py")):
        module = path.relative_to(mutate.ROOT / mutate.SOURCE).as_posix()
        tests = (*mutate.nearest_tests(module), *mutate.package_tests(module))
        assert tests
        assert all((mutate.ROOT / test).exists() for test in tests), module
    assert all(
        (mutate.ROOT / mutate.SOURCE / module).is_file() for module in nearest_tests.ELSEWHERE
    )
    assert "tests/equipment/test_battery.py" in mutate.nearest_tests("equipment/battery.py")
    assert "tests/case/test_findings_semantics.py" in mutate.nearest_tests("case/rules_stages.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of one module, with a test that sees one of its two conditions."""
    for place, text in {
        "src/headwater/__init__.py": "",
        "src/headwater/model/__init__.py": "",
        "src/headwater/model/small.py": "def sign(x):\n"
        "    if x < 0:\n"
        "        return -1\n"
        "    return x > 10\n",
        "tests/model/test_small.py": (
            "from headwater.model.small import sign\n\n\n"
            "def test_sign():\n    assert (sign(0), sign(-1), sign(11)) == (0, -1, 1)\n"
        ),
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
    return tmp_path


def test_what_tests_see_is_killed_what_they_do_not_see_survives_and_the_code_is_left_as_it_was(
    project: Path, tmp_path: Path
):
    source = project / "src/headwater/model/small.py"
    before = source.read_bytes()
    with mutate.Workshop(tmp_path / "place", project) as workshop:
        found = {
            one.kind + one.was: workshop.try_mutant(one)
            for one in mutants_of("model/small.py", before)
            if one.kind != "constant"
        }
    assert {name: result["outcome"] for name, result in found.items()} == {
        "comparisonx < 0": "killed",
        "sign-1": "killed",
        "comparisonx > 10": "survived",
    }
    assert found["comparisonx < 0"]["by"].startswith("tests/model/test_small.py::test_sign")
    assert (
        source.read_bytes()
        == before
        == (tmp_path / "place/src/headwater/model/small.py").read_bytes()
    )


def test_tests_that_fail_without_a_mutant_kill_nothing(project: Path, tmp_path: Path):
    (project / "tests/model/test_small.py").write_text(
        "def test_it():\n    assert False\n", encoding="utf-8"
    )
    mutant = mutants_of("model/small.py", (project / "src/headwater/model/small.py").read_bytes())[
        0
    ]
    with mutate.Workshop(tmp_path / "place", project) as workshop:
        assert workshop.try_mutant(mutant)["outcome"] == "tests failed without the mutant"


def test_results_are_gone_on_with_and_counted_by_package(
    packages: dict[str, list[Mutant]], tmp_path: Path
):
    kept = tmp_path / "mutants.jsonl"
    one, two = list(islice(mutate.drawn(packages, 1), 2))
    lines = [
        {"id": one.id} | asdict(one) | {"outcome": "survived"},
        {"id": one.id} | asdict(one) | {"outcome": "killed"},
        {"id": two.id} | asdict(two) | {"outcome": "survived"},
    ]
    kept.write_text("\n".join(map(json.dumps, lines)) + '\n{"id": "cut sh', encoding="utf-8")
    results = mutate.results_of(kept)
    assert [entry["outcome"] for entry in results.values()] == ["killed", "survived"]
    table = mutate.summary(results).splitlines()
    assert table[-2].split() == ["all", "2", "1", "1", "0", "50%"]
    assert table[-1] == f"survived: {mutate.described(lines[2])}"


def test_programs_that_share_the_work_try_every_mutant_once(tmp_path: Path):
    def listed(*more: str) -> list[str]:
        words = ["scripts/mutate", "--out", str(tmp_path / "none.jsonl"), "--number", "7", "--list"]
        done = subprocess.run(
            [sys.executable, *words, *more],
            cwd=mutate.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    parts = [listed("--part", f"{one}/3") for one in (1, 2, 3)]
    assert [len(part) for part in parts] == [3, 2, 2]
    assert sorted(line for part in parts for line in part) == sorted(listed())
    assert listed("--part", "4/3") == []


def test_the_script_lists_what_it_would_try(tmp_path: Path):
    words = [
        sys.executable,
        "scripts/mutate",
        "--out",
        str(tmp_path / "none.jsonl"),
        "--number",
        "3",
        "--list",
        "--package",
        "lp",
    ]
    done = subprocess.run(words, cwd=mutate.ROOT, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert all(" src/headwater/lp/" in line for line in done.stdout.splitlines())
    assert not (tmp_path / "none.jsonl").exists()
