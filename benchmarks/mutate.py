"""Whether the tests notice bugs.

Puts them into a copy of the code one at a time and runs the tests nearest to each.

    scripts/mutate --out mutants.jsonl --number 300             # hours; continues a file
    scripts/mutate --out mutants.jsonl --summary                # what has been found so far
    scripts/mutate --out mutants.jsonl --id 3f2a90c1d7          # one again, after a new test

Mutants are drawn by package in turn, so that the first few are spread over all; the same seed and
the same code give the same ones. A mutant that survives its nearest tests meets those of its
package before it counts as alive. Not for CI: most of the time goes into survivors, and a mutant of
a compiled kernel compiles anew whatever holds its code.
"""

from __future__ import annotations

import argparse
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
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from forked_tests import ForkedTests
from mutants import Mutant, mutants_of
from nearest_tests import ROOT, SOURCE, nearest_tests, package_tests

SPARED_FILES = ("_version.py", "__main__.py", "_flatbuffers.py")
"""Nothing in them can be wrong in a way that a test of behaviour should see."""

PYTEST = ("-x", "-q", "-m", "not slow", "-p", "no:cacheprovider")
LONGEST_SECONDS = 300.0
"""Of processor time; tests that take longer with a mutant have noticed it.

Tests that take as long without one have noticed nothing so far.
"""
PATIENCE = 4.0
"""They must need so many times less without it."""
COMPILING_SECONDS = 200.0
"""What is added where a mutant makes kernels be compiled anew."""

MAKES_CODE = ("solver/numba_private.py",)
"""What is no kernel and changes the code of all."""

IMPORT = re.compile(r"^ *(?:from|import) headwater\.([\w.]+)", re.MULTILINE)


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


class Workshop:
    """A copy of the code in which bugs are planted, with compiled kernels of its own."""

    def __init__(
        self,
        place: Path,
        root: Path = ROOT,
        *,
        nearest_only: bool = False,
        kernels: Path | None = None,
        seconds: float = LONGEST_SECONDS,
    ) -> None:
        self.root, self.place, self.nearest_only = root, place, nearest_only
        self._kernels = kernels or place / "kernels"
        shutil.copytree(root / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
        if (root / "examples").is_dir():  # which lie beside the sources in a checkout
            (place / "examples").symlink_to(root / "examples")
        self._has_engine = (place / SOURCE / "solver").is_dir()
        self._is_compiled = False
        self._states: dict[tuple[str, ...], str] = {}
        self.seconds = seconds
        # tests write no byte code, which could outlive a mutant; they find that of other modules
        compileall.compile_dir(place / "src", quiet=2)
        settings = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "HEADWATER_RANDOM_SYSTEMS": "20",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(place / "hypothesis"),
        }
        self._forks = ForkedTests(root, os.environ | settings)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process that runs tests."""
        self._forks.close()

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
                failed, limit = ((by.split("[")[0],), self.seconds) if "::" in by else (tests, 0.0)
                state = self._without_mutants(failed, limit or self.seconds / PATIENCE)
                if outcome == state == "too long":  # nobody has noticed it in that time
                    outcome = "passed"
                elif state != "passed":
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
        spoilt = self._spoilt(mutant.module)
        is_source = self._has_engine and mutant.module in self._kernel_imports
        kernels = self.place / "kernels of the mutant" if is_source else self._clean_kernels()
        seed = {"clean": str(self._code()), "spoilt": spoilt} if is_source else {}
        path.write_bytes(mutant.applied(clean))
        try:
            limit = self.seconds + (COMPILING_SECONDS if spoilt else 0.0)
            return self._run(tests, limit, kernels, seed)
        finally:
            path.write_bytes(clean)
            os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
            if is_source:
                shutil.rmtree(kernels, ignore_errors=True)

    def _spoilt(self, module: str) -> list[str]:
        """Modules whose compiled code a mutant of a module may change.

        Code holds what it calls and the constants of the kernels that it imports.
        """
        if not self._has_engine or not (is_kernel(module) or module in MAKES_CODE):
            return []
        imports = self._kernel_imports
        found = {module}
        while more := {one for one, names in imports.items() if names & found} - found:
            found |= more
        return sorted(Path(one).stem for one in found)

    @cached_property
    def _kernel_imports(self) -> dict[str, set[str]]:
        """Module that compiled code depends on -> those that it imports, ``solver/problem.py``."""
        source = self.place / SOURCE
        pending = {path.relative_to(source).as_posix() for path in source.rglob("*kernel*.py")}
        found: dict[str, set[str]] = {}
        while pending:
            module = pending.pop()
            text = (source / module).read_text(encoding="utf-8")
            named = (f"{name.replace('.', '/')}.py" for name in IMPORT.findall(text))
            found[module] = {name for name in named if (source / name).is_file()}
            pending |= found[module] - found.keys()
        return found

    def _without_mutants(self, tests: tuple[str, ...], limit: float) -> str:
        """What becomes of tests without a mutant."""
        if tests not in self._states:
            self._states[tests], _, _ = self._run(tests, limit, self._clean_kernels(), {})
        return self._states[tests]

    def _clean_kernels(self) -> Path:
        """Where the compiled kernels without mutants are; they are compiled once."""
        if self._has_engine and not self._is_compiled:
            settings = {"HEADWATER_CACHE_DIR": str(self._kernels)}
            words = [sys.executable, "-m", "headwater", "warmup"]
            path = {"PYTHONPATH": str(self.place / "src")}
            subprocess.run(words, env=os.environ | settings | path, check=True)
            self._is_compiled = True
        return self._kernels

    def _code(self) -> Path:
        """Folder of the code without mutants: the one that was used last."""
        folders = (one.parent for one in self._clean_kernels().glob("*/complete.json"))
        return max(folders, key=lambda one: one.stat().st_mtime_ns)

    def _run(
        self, tests: tuple[str, ...], limit: float, kernels: Path, seed: dict[str, Any]
    ) -> tuple[str, float, str]:
        """Run tests; returns the outcome, the seconds, and the first test that failed."""
        settings = {
            "PYTHONPATH": str(self.place / "src"),
            "HEADWATER_CACHE_DIR": str(kernels),
            "HEADWATER_FORK_OUTPUT": str(self.place / "output"),
        }
        return self._forks.run([*PYTEST, *tests], settings, limit, seed)


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
        "--seconds",
        type=float,
        default=LONGEST_SECONDS,
        help=f"longest processor time of the tests of a mutant (default: {LONGEST_SECONDS:g})",
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="headwater-mutants-") as place,
        Workshop(
            Path(place),
            nearest_only=wanted.nearest_only,
            kernels=wanted.kernels,
            seconds=wanted.seconds,
        ) as workshop,
    ):
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
