"""Whether the tests notice bugs.

Puts them into a copy of the code one at a time and runs the tests nearest to each.

    scripts/mutate --out mutants.jsonl --number 300             # hours; continues a file
    scripts/mutate --out mutants.jsonl --summary                # what has been found so far
    scripts/mutate --out mutants.jsonl --id 3f2a90c1d7          # one again, after a new test

Mutants are drawn by package in turn, so that the first few are spread over all; the same seed and
the same code give the same ones. A mutant that survives its nearest tests meets those of its
package before it counts as alive. Not for CI: most of the time goes into survivors, and a mutant of
a compiled kernel compiles all kernels anew.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "src/headwater"
SPARED_FILES = ("_version.py", "__main__.py", "_flatbuffers.py")
"""Nothing in them can be wrong in a way that a test of behaviour should see."""

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "_on_demand.py": ("tests/cli/test_light_commands.py",),
    "errors.py": ("tests/api", "tests/cli/test_cli_commands.py"),
    "files.py": ("tests/test_files.py", "tests/policy"),
    "case/aliases.py": ("tests/case/test_case_spellings.py", "tests/case/test_equal_systems.py"),
    "case/build_config.py": ("tests/case/test_configuration.py", "tests/case/test_every_key.py"),
    "case/build_scenarios.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/build_system.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/json_reader.py": ("tests/case/test_findings_files.py", "tests/case/test_fuzzed_cases.py"),
    "case/overrides.py": (
        "tests/case/test_equal_systems.py",
        "tests/case/test_load_published_cases.py",
    ),
    "case/shapes.py": ("tests/case/test_findings_files.py", "tests/case/test_json_schemas.py"),
    "case/starter_parts.py": ("tests/case/test_starter_cases.py",),
    "case/starter_templates.py": ("tests/case/test_starter_cases.py",),
    "case/table_reader.py": (
        "tests/case/test_findings_files.py",
        "tests/case/test_equal_systems.py",
    ),
    "distributed/node_memory.py": ("tests/distributed/test_ranks.py",),
    "distributed/partition.py": ("tests/distributed/test_threads.py",),
    "distributed/team.py": ("tests/distributed/test_threads.py", "tests/distributed/test_ranks.py"),
    "equipment/reading.py": (
        "tests/equipment/test_tables.py",
        "tests/equipment/test_user_constraint.py",
    ),
    "equipment/hydro/columns.py": ("tests/lp/test_template.py", "tests/lp/test_whole_stage.py"),
    "equipment/hydro/head.py": ("tests/sddp/stage/test_head_refinement.py",),
    "equipment/hydro/readout.py": (
        "tests/equipment/test_tables.py",
        "tests/lp/test_whole_stage.py",
    ),
    "equipment/thermal/pipelines.py": ("tests/equipment/thermal/test_ahead.py",),
    "lp/future_cost.py": ("tests/equipment/test_contract.py", "tests/acceptance/test_cyclic.py"),
    "lp/readout.py": ("tests/equipment/test_tables.py", "tests/lp/test_whole_stage.py"),
    "lp/statistics.py": ("tests/lp/test_template.py", "tests/cli/test_case_commands.py"),
    "lp/writing.py": ("tests/lp/test_program.py",),
    "model/bounds.py": (
        "tests/model",
        "tests/equipment/thermal/test_generation.py",
        "tests/equipment/hydro/test_plants.py",
    ),
    "model/topology.py": ("tests/model", "tests/equipment/hydro/test_reservoirs.py"),
    "policy/checkpoint.py": (
        "tests/sddp/training/test_resume.py",
        "tests/policy/test_policy_store.py",
    ),
    "results/simulation_journal.py": ("tests/results/test_interrupted_simulation.py",),
    "sddp/passes/backward.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/cuts/boundary.py": ("tests/acceptance/test_boundary.py",),
    "sddp/training/checkpointing.py": ("tests/sddp/training/test_resume.py",),
    "sddp/kernels/cut_kernel.py": (
        "tests/sddp/kernels/test_new_cuts.py",
        "tests/sddp/training/test_certified_cuts.py",
    ),
    "sddp/stage/cut_rows.py": ("tests/sddp/cuts/test_pool.py", "tests/sddp/cuts/test_selection.py"),
    "sddp/passes/forward.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/bounds/prices.py": (
        "tests/sddp/bounds/test_inner_bound.py",
        "tests/acceptance/test_upper_bound.py",
    ),
    "sddp/training/matching.py": ("tests/sddp/training/test_warm_start.py",),
    "sddp/kernels/pass_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/kernels/forward_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/kernels/backward_kernel.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/passes/compiled_bound.py": ("tests/sddp/passes/test_compiled_run.py",),
    "sddp/simulation/scenarios.py": ("tests/sddp/simulation/test_simulation.py",),
    "sddp/training/state.py": (
        "tests/sddp/training/test_training.py",
        "tests/sddp/training/test_resume.py",
    ),
    "sddp/passes/trajectories.py": (
        "tests/sddp/training/test_training.py",
        "tests/acceptance/test_oracles.py",
    ),
    "sddp/kernels/trial_kernel.py": (
        "tests/sddp/passes/test_compiled_run.py",
        "tests/sddp/training/test_certified_cuts.py",
    ),
    "solver/factor_kernel.py": (
        "tests/solver/test_openings_kernel.py",
        "tests/solver/test_kernel_faults.py",
    ),
    "solver/highs_kernel.py": ("tests/solver/test_highs.py", "tests/solver/test_hard_programs.py"),
    "solver/retry.py": ("tests/solver/test_highs.py", "tests/solver/test_hard_programs.py"),
    "solver/simplex_kernel.py": (
        "tests/solver/test_openings_kernel.py",
        "tests/solver/test_hard_programs.py",
    ),
    "stochastic/cycle_fit.py": ("tests/stochastic/test_cycle.py",),
    "stochastic/designs.py": ("tests/stochastic/test_designs.py", "tests/stochastic/test_tree.py"),
    "stochastic/model_paths.py": ("tests/acceptance/test_given_scenarios.py",),
    "stochastic/samplers.py": ("tests/stochastic/test_sampling.py",),
}
"""Module -> tests that are nearer than those of its name."""

RULES = re.compile(r"^case/rules")
FINDINGS = (
    "test_findings_semantics.py",
    "test_finding_thresholds.py",
    "test_findings_references.py",
)
MOST_FILES = 4
"""Files of tests for a module that no table and no name leads to, only what it defines."""

PYTEST = ("-x", "-q", "-m", "not slow", "-p", "no:cacheprovider")
LONGEST_SECONDS = 900.0
"""Tests that take longer with a mutant have noticed it."""
PATIENCE = 4.0
"""They must need so many times less without it."""
KERNEL_SECONDS = 900.0
"""To compile the kernels."""


def all_mutants(root: Path = ROOT) -> dict[str, list[Mutant]]:
    """Package -> its mutants; modules outside packages are a package of their own."""
    packages: dict[str, list[Mutant]] = defaultdict(list)
    source = root / SOURCE
    for path in sorted(source.rglob("*.py")):
        module = path.relative_to(source).as_posix()
        if path.name not in SPARED_FILES:
            packages[module.split("/")[0] if "/" in module else "headwater"] += mutants_of(
                module, path.read_bytes()
            )
    return dict(packages)


def drawn(packages: dict[str, list[Mutant]], seed: int) -> Iterator[Mutant]:
    """All mutants in the order in which they are tried.

    A package after the other, in each a line at random.
    """
    queues = []
    for name in sorted(packages):
        order = random.Random(f"{seed}:{name}")
        one_a_line = {}
        for mutant in sorted(packages[name], key=lambda one: (order.random(), one.id)):
            one_a_line.setdefault((mutant.module, mutant.line), []).append(mutant)
        queues.append([mutant for rank in _ranks(one_a_line.values()) for mutant in rank])
    for turn in range(max(map(len, queues), default=0)):
        yield from (queue[turn] for queue in queues if turn < len(queue))


def _ranks(lines: Any) -> Iterator[list[Mutant]]:
    """The first mutant of every line, then the second, and so on.

    What shares a line is noticed by the same test.
    """
    rows = list(lines)
    for rank in range(max(map(len, rows), default=0)):
        yield [row[rank] for row in rows if rank < len(row)]


def nearest_tests(module: str, root: Path = ROOT) -> tuple[str, ...]:
    """Tests of a module: those listed for it.

    Or those with its name, or that import it or what it defines.
    """
    if module in ELSEWHERE:
        return ELSEWHERE[module]
    package, stem = (module.split("/", maxsplit=1)[0] if "/" in module else ""), Path(module).stem
    found = set((root / "tests" / module).parent.glob(f"test_{stem}*.py"))
    if RULES.match(module):
        found |= {root / "tests" / package / name for name in FINDINGS}
    dotted = f"headwater.{module[:-3].replace('/', '.')}"
    imports = _imports(root)
    found |= {
        path
        for path, names in imports.items()
        if any(name.rpartition(".")[0] == dotted for name in names)
    }
    if not found:
        tree = ast.parse((root / SOURCE / module).read_bytes())
        defined = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        exported = {
            f"{place}.{name}" for name in defined for place in (f"headwater.{package}", "headwater")
        }
        found = {path for path, names in imports.items() if names & exported}
        # many tests use what a package exports; those of the package itself look at it
        found = set(sorted({path for path in found if package in path.parts} or found)[:MOST_FILES])
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))


@cache
def _imports(root: Path) -> dict[Path, set[str]]:
    """Everything that each test uses, by the name of the test.

    What it imports by name, in full, and what it uses of the module ``headwater`` or
    ``headwater.model``.
    """
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        names, short = set(), {}
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                short |= {alias.asname or alias.name: alias.name for alias in node.names}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in short
            ):
                names.add(f"{short[node.value.id]}.{node.attr}")
        found[path] = names
    return found


def package_tests(module: str, root: Path = ROOT) -> tuple[str, ...]:
    """Tests of the package of a module."""
    package = module.split("/", maxsplit=1)[0]
    return (
        (f"tests/{package}",)
        if "/" in module and (root / "tests" / package).is_dir()
        else ("tests/api", "tests/cli")
    )


class Workshop:
    """A copy of the code in which bugs are planted, with compiled kernels of its own."""

    def __init__(
        self,
        place: Path,
        root: Path = ROOT,
        *,
        nearest_only: bool = False,
        kernels: Path | None = None,
    ) -> None:
        self.root, self.place, self.nearest_only = root, place, nearest_only
        self._kernels = kernels or place / "kernels"
        shutil.copytree(root / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
        self._has_engine = (place / SOURCE / "solver").is_dir()
        self._is_compiled = False
        self._states: dict[tuple[str, ...], str] = {}
        # tests write no byte code, which could outlive a mutant; they find that of other modules
        compileall.compile_dir(place / "src", quiet=2)

    def try_mutant(self, mutant: Mutant) -> dict[str, Any]:
        """Run the tests of a mutant and say what became of it."""
        near, wide = (
            nearest_tests(mutant.module, self.root),
            package_tests(mutant.module, self.root),
        )
        rounds = [tests for tests in (near, wide) if tests]
        rounds = rounds[:1] if self.nearest_only else rounds
        result: dict[str, Any] = {"outcome": "no tests", "seconds": 0.0, "tests": []}
        for tests in rounds:
            outcome, seconds, by = self._tried(mutant, tests)
            if outcome != "passed":
                # what failed, or took its time, may do so without the mutant
                state = self._without_mutants((by.split("[")[0],) if "::" in by else tests)
                if state != "passed":
                    if result["outcome"] == "no tests":
                        result |= {"outcome": f"tests {state} without the mutant"}
                        result |= {"tests": list(tests), "by": by}
                    continue
            named = {"passed": "survived", "failed": "killed", "too long": "killed"}[outcome]
            result = {
                "outcome": named,
                "seconds": round(seconds, 1),
                "tests": list(tests),
                "by": by,
            }
            if named == "killed":
                break
        return result

    def _tried(self, mutant: Mutant, tests: tuple[str, ...]) -> tuple[str, float, str]:
        """What tests say of a mutant: outcome, seconds, and the first that failed."""
        path = self.place / SOURCE / mutant.module
        clean, stamps = path.read_bytes(), path.stat()
        compiled = is_kernel(mutant.module)
        kernels = self.place / "kernels of the mutant" if compiled else self._clean_kernels()
        path.write_bytes(mutant.applied(clean))
        try:
            outcome, seconds, by = self._compile(kernels) if compiled else ("passed", 0.0, "")
            if outcome == "passed":
                outcome, seconds, by = self._run(
                    ["pytest", *PYTEST, *tests], LONGEST_SECONDS, kernels
                )
        finally:
            path.write_bytes(clean)
            os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
            if compiled:
                shutil.rmtree(kernels, ignore_errors=True)
        return outcome, seconds, by

    def _without_mutants(self, tests: tuple[str, ...]) -> str:
        """What becomes of tests without a mutant."""
        if tests not in self._states:
            self._states[tests], _, _ = self._run(
                ["pytest", *PYTEST, *tests], LONGEST_SECONDS / PATIENCE, self._clean_kernels()
            )
        return self._states[tests]

    def _clean_kernels(self) -> Path:
        """Where the compiled kernels without mutants are."""
        if self._has_engine and not self._is_compiled:
            self._compile(self._kernels)
            self._is_compiled = True
        return self._kernels

    def _compile(self, kernels: Path) -> tuple[str, float, str]:
        """Compile the engine as it is, mutant or not.

        So no test waits for the compiler and each meets compiled code.
        """
        outcome, seconds, by = self._run(["headwater", "warmup"], KERNEL_SECONDS, kernels)
        return outcome, seconds, f"headwater warmup: {by}"

    def _run(self, module: list[str], limit: float, kernels: Path) -> tuple[str, float, str]:
        """Run a Python module with its arguments.

        Returns the outcome, the seconds, and the first test that failed.
        """
        words = [sys.executable, "-m", *module]
        settings = {
            "PYTHONPATH": str(self.place / "src"),
            "HEADWATER_CACHE_DIR": str(kernels),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HEADWATER_RANDOM_SYSTEMS": "20",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.place / "hypothesis"),
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=self.root,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except BaseException as end:
            # the tests and what they started, whether they take too long or this program is to end
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if not isinstance(end, subprocess.TimeoutExpired):
                raise
            return "too long", time.perf_counter() - started, f"more than {limit:.0f} s"
        failure = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
        by = failure.group(1) if failure else f"exit code {process.returncode}"
        seconds = time.perf_counter() - started
        return ("passed", seconds, "") if process.returncode == 0 else ("failed", seconds, by)


def main() -> None:
    """Draw mutants, try those that have no result yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="results, a JSON object a line; gone on with if it exists",
    )
    parser.add_argument(
        "--number", type=int, default=300, help="how many mutants, over all packages (default: 300)"
    )
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument(
        "--package", action="append", help="only of this package; may be given more than once"
    )
    parser.add_argument(
        "--without-kernels", action="store_true", help="leave out what takes minutes to compile"
    )
    parser.add_argument(
        "--id", action="append", help="only this mutant, whether or not it has a result"
    )
    parser.add_argument(
        "--nearest-only",
        action="store_true",
        help="do not try survivors with the tests of their package",
    )
    parser.add_argument(
        "--kernels", type=Path, help="folder of compiled kernels without mutants, gone on with"
    )
    parser.add_argument(
        "--part",
        type=_part,
        default=(1, 1),
        metavar="I/N",
        help="only every N-th, from the I-th on: several programs share the work",
    )
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    parser.add_argument(
        "--summary", action="store_true", help="print the table of the results and run nothing"
    )
    wanted = parser.parse_args()
    if wanted.summary:
        print(summary(results_of(wanted.out)))
        return
    packages = all_mutants()
    chosen = [
        one
        for one in drawn(packages, wanted.seed)
        if not wanted.package or _package(one.module) in wanted.package
    ]
    if wanted.id:
        chosen = [one for one in chosen if one.id in wanted.id]
    else:
        chosen = [one for one in chosen if not (wanted.without_kernels and is_kernel(one.module))]
        chosen = list(
            islice(
                (one for one in chosen if one.is_code((ROOT / SOURCE / one.module).read_bytes())),
                wanted.number,
            )
        )
    chosen = chosen[wanted.part[0] - 1 :: wanted.part[1]]
    if wanted.list:
        print("\n".join(described(asdict(one) | {"id": one.id}) for one in chosen))
        return
    done = {} if wanted.id else results_of(wanted.out)
    os.nice(10)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="headwater-mutants-") as place:
        workshop = Workshop(Path(place), nearest_only=wanted.nearest_only, kernels=wanted.kernels)
        for number, mutant in enumerate(chosen, 1):
            if mutant.id in done:
                continue
            entry = {"id": mutant.id} | asdict(mutant) | workshop.try_mutant(mutant)
            with wanted.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
            print(f"{number}/{len(chosen)} {entry['outcome']}: {described(entry)}", flush=True)
    print(summary(results_of(wanted.out)))


def _part(text: str) -> tuple[int, int]:
    """``3/16`` as numbers."""
    first, of = map(int, text.split("/"))
    if not 1 <= first <= of:
        raise ValueError(text)
    return first, of


def results_of(path: Path) -> dict[str, dict[str, Any]]:
    """Mutant -> its last result; a line that was cut short is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found[entry["id"]] = entry
    return found


def is_kernel(module: str) -> bool:
    """Whether a module is compiled."""
    return "kernel" in Path(module).name


def _package(module: str) -> str:
    return module.split("/", maxsplit=1)[0] if "/" in module else "headwater"


def described(entry: dict[str, Any]) -> str:
    """A mutant in a line."""
    was, becomes = (" ".join(str(entry[side]).split())[:70] for side in ("was", "becomes"))
    return (
        f"{entry['id']} {SOURCE}/{entry['module']}:{entry['line']} {entry['kind']}: "
        f"{was} -> {becomes}"
    )


def summary(results: dict[str, dict[str, Any]]) -> str:
    """A table by package, and who is alive."""
    lines = [
        f"{'package':<14}{'mutants':>8}{'killed':>8}{'alive':>8}{'unknown':>9}{'share killed':>14}"
    ]
    by_package: dict[str, list[str]] = defaultdict(list)
    for entry in results.values():
        by_package[_package(entry["module"])].append(entry["outcome"])
    for name, outcomes in [
        *sorted(by_package.items()),
        ("all", [o for one in by_package.values() for o in one]),
    ]:
        killed, alive = outcomes.count("killed"), outcomes.count("survived")
        share = f"{killed / (killed + alive):.0%}" if killed + alive else "-"
        unknown = len(outcomes) - killed - alive
        lines.append(f"{name:<14}{len(outcomes):>8}{killed:>8}{alive:>8}{unknown:>9}{share:>14}")
    rest = [entry for entry in results.values() if entry["outcome"] != "killed"]
    return "\n".join([*lines, *(f"{entry['outcome']}: {described(entry)}" for entry in rest)])


if __name__ == "__main__":
    main()
