"""Whatever a case says, it is refused with findings or run to clean results.

Nothing else happens to it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import headwater as hw
from fuzz import systems, verdicts
from fuzz.campaign import FuzzedCase, summary, try_cases
from fuzz.drawing import draw
from fuzz.steps import apply

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
CASES = int(os.environ.get("HEADWATER_FUZZ_CASES", "500"))
SEED = int(os.environ.get("HEADWATER_FUZZ_SEED", "1"))


def codes_of(root: Path) -> set[str]:
    return {finding.code for finding in hw.validate_case(root)}


@pytest.mark.parametrize("entry", CORPUS, ids=[path.stem for path in CORPUS])
def test_what_once_went_wrong_ends_as_it_should(entry, tmp_path):
    known = json.loads(entry.read_text(encoding="utf-8"))
    case = FuzzedCase(known["system"], known["steps"])
    root = tmp_path / "case"
    root.mkdir()
    apply(systems.system(case.system).copied(), case.steps, root)
    verdict = verdicts.judge(root)
    assert verdict.kind == known["kind"], verdict
    assert set(known["codes"]) <= codes_of(root)


def test_every_entry_changes_its_system(tmp_path):
    """A step with nothing to act on does nothing, and the entry would prove nothing."""
    for number, entry in enumerate(CORPUS):
        known = json.loads(entry.read_text(encoding="utf-8"))
        plain, changed = (tmp_path / f"{number}-{what}" for what in ("plain", "changed"))
        apply(systems.system(known["system"]).copied(), [], plain)
        for step in known["steps"]:
            apply(systems.system(known["system"]).copied(), [step], changed)
            assert contents(plain) != contents(changed), (entry.name, step)


def contents(root: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def test_changed_cases_are_refused_or_run():
    results = dict(try_cases(SEED, range(CASES), jobs=2, small=True))
    assert len(results) == CASES
    assert all(verdict.is_clean for verdict in results.values()), summary(results)
    kinds = [verdict.kind for verdict in results.values()]
    # both must happen, or nothing was tried
    assert kinds.count("refused") > 0.1 * CASES
    assert kinds.count("ran") > 0.1 * CASES


def test_a_case_is_its_seed_and_number():
    one, other = (FuzzedCase.drawn(3, number, small=True) for number in (7, 7))
    assert json.dumps(one.steps) == json.dumps(other.steps)
    assert one.system == other.system


@pytest.mark.parametrize("name", ["one-reservoir", "every-key", "d02-single-hydro", "stranger-4"])
def test_a_system_that_nobody_changed_runs(name, tmp_path):
    apply(systems.system(name).copied(), [], tmp_path)
    assert verdicts.judge(tmp_path).kind == "ran"


def test_what_must_not_happen_is_noticed(tmp_path, monkeypatch):
    """Each class of failure, provoked in a case that is sound."""
    apply(systems.system("d02-single-hydro").copied(), [], tmp_path)
    real = hw.train

    def raising(*arguments, **more):
        raise KeyError("boom")

    def falling(*arguments, **more):
        policy = real(*arguments, **more)
        first = policy.training.iterations[0]
        object.__setattr__(first, "lower_bound", 2.0 * first.lower_bound + 1.0)
        return policy

    def too_high(*arguments, **more):
        policy = real(*arguments, **more)
        for record in policy.training.iterations:
            object.__setattr__(record, "lower_bound", 1e9)
        return policy

    def not_finite(*arguments, **more):
        policy = real(*arguments, **more)
        object.__setattr__(policy.training.iterations[-1], "lower_bound", float("nan"))
        return policy

    def giving_up(*arguments, **more):
        raise hw.SolverError("no answer")

    for stand_in, kind in (
        (raising, "traceback"),
        (falling, "the bound falls"),
        (too_high, "bound above the mean"),
        (not_finite, "not finite"),
        (giving_up, "gave up"),
    ):
        monkeypatch.setattr(hw, "train", stand_in)
        assert verdicts.judge(tmp_path).kind == kind


@pytest.mark.parametrize("name", ["cascade-fpha", "every-key", "d13-generic-constraint"])
def test_changes_are_drawn_for_every_kind_of_file(name):
    from random import Random

    steps = [step for number in range(300) for step in draw(systems.system(name), Random(number))]
    touched = {step.get("file") or f"{step['table']}.parquet" for step in steps}
    assert set(systems.system(name).documents) <= touched
    assert len({f"{table}.parquet" for table in systems.system(name).tables} - touched) <= 2
