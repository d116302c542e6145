"""What an unfinished simulation has done.

One entry per part, written when its tables are safe on the disk.

::

    OUT/simulation.partial/request.json          what is simulated
    OUT/simulation.partial/journal/000000.json   the part that starts at scenario 0, and its files
    OUT/simulation.partial/hydros/...            tables, whole or absent
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headwater import files
from headwater.errors import ResultsError
from headwater.results.own_files import PARTIAL_SIMULATION
from headwater.sddp import ScenarioFailure, ScenarioSummary, SimulationPart, StageMoments
from headwater.sddp.records.simulation import ScenarioGap
from headwater.sddp.records.violations import ViolationCounts
from headwater.sddp.training.fingerprint import differing_parts

FORMAT = "3"
_REQUEST, _JOURNAL = "request.json", "journal"
_KINDS = {
    "scenario_id": np.int64,
    "lp_solves": np.int64,
    "failed": np.bool_,
    "sampled_years": np.int64,
}


class SimulationJournal:
    """The account of an unfinished simulation.

    Args:
        directory: where its tables and its account are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def start(self, request: Mapping[str, str]) -> None:
        """Begin an account in an empty directory."""
        (self.directory / _JOURNAL).mkdir(parents=True, exist_ok=True)
        files.write_text(
            self.directory / _REQUEST, _sealed({"format": FORMAT, "request": dict(request)})
        )

    def check(self, request: Mapping[str, str]) -> None:
        """Refuse to go on with another simulation than the one that was begun.

        Raises:
            ResultsError: what differs, or that the account is damaged.
        """
        recorded = _unsealed(self.directory / _REQUEST)
        differing = differing_parts(recorded.get("request", {}), request)
        if recorded.get("format") != FORMAT or differing:
            what = ", ".join(differing) if differing else "its format"
            raise ResultsError(
                f"the interrupted simulation in {self.directory} cannot go on, because something "
                f"is different now: {what}; undo the change, or simulate anew without --resume"
            )

    def commit(self, part: SimulationPart, written: list[Path]) -> None:
        """Note that a part is done; its files must be on the disk."""
        listed = {
            path.relative_to(self.directory).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": files.sha256(path),
            }
            for path in written
        }
        entry = self.directory / _JOURNAL / f"{part.first_scenario:06d}.json"
        files.write_text(entry, _sealed({"part": _to_json(part), "files": listed}))

    def parts(self) -> list[SimulationPart]:
        """The parts that are done, in order.

        Up to the first that is missing or not what was written.

        Everything else of ours in the directory is removed, so that it holds nothing but these
        parts.
        """
        found: list[SimulationPart] = []
        kept = {self.directory / _REQUEST}
        for entry in sorted((self.directory / _JOURNAL).glob("*.json")):
            try:
                record = _unsealed(entry)
                part, listed = _from_json(record["part"]), record["files"]
                expected = (
                    found[-1].first_scenario + len(found[-1].summary.scenario_id) if found else 0
                )
                if part.first_scenario != expected or not all(
                    self._sound(name, file) for name, file in listed.items()
                ):
                    break
            except (ResultsError, KeyError, TypeError, ValueError, OSError):
                break
            found.append(part)
            kept |= {entry, *(self.directory / name for name in listed)}
        for path in sorted(self.directory.rglob("*"), reverse=True):
            if path.is_file() and path not in kept:
                if re.fullmatch(PARTIAL_SIMULATION, path.relative_to(self.directory).as_posix()):
                    path.unlink()
            elif path.is_dir() and path.name != _JOURNAL and not any(path.iterdir()):
                path.rmdir()
        return found

    def end(self) -> None:
        """Remove the account: the simulation is complete."""
        for entry in (self.directory / _JOURNAL).glob("*"):
            entry.unlink()
        (self.directory / _JOURNAL).rmdir()
        (self.directory / _REQUEST).unlink()

    @property
    def is_there(self) -> bool:
        """Whether a simulation was begun and not finished."""
        return (self.directory / _REQUEST).is_file()

    def n_entries(self) -> int:
        """Parts that are noted as done."""
        return len(list((self.directory / _JOURNAL).glob("*.json")))

    def _sound(self, name: str, file: dict[str, Any]) -> bool:
        path = self.directory / name
        return (
            path.is_file()
            and path.stat().st_size == file["bytes"]
            and files.sha256(path) == file["sha256"]
        )


def _sealed(value: dict[str, Any]) -> str:
    """JSON in one line, and its digest in the next."""
    body = json.dumps(value)
    return f"{body}\n{hashlib.sha256(body.encode()).hexdigest()}\n"


def _unsealed(path: Path) -> dict[str, Any]:
    try:
        body, _, seal = files.read_regular(path).decode("utf-8").rstrip("\n").rpartition("\n")
        if hashlib.sha256(body.encode()).hexdigest() == seal and isinstance(
            value := json.loads(body), dict
        ):
            return value
    except (OSError, ValueError):
        pass
    raise ResultsError(f"{path} is damaged; simulate anew without --resume")


def _to_json(part: SimulationPart) -> dict[str, Any]:
    """Numbers as JSON writes them, which Python reads back to the same bits."""
    summary, moments = part.summary, part.moments
    return {
        "summary": {
            f.name: (
                {name: values.tolist() for name, values in value.items()}
                if f.name == "categories"
                else value.tolist()
            )
            for f in dataclasses.fields(summary)
            if (value := getattr(summary, f.name)) is not None
        },
        "moments": {
            "n": moments.n,
            **{
                name: {
                    quantity: values.tolist() for quantity, values in getattr(moments, name).items()
                }
                for name in ("mean", "squares", "largest")
            },
        },
        "failures": [dataclasses.asdict(failure) for failure in part.failures],
        "truncated_inflows": part.truncated_inflows,
        "retries": part.retries,
        "violations": {
            "n": part.violations.n,
            **{
                name: {
                    kind: values.tolist() for kind, values in getattr(part.violations, name).items()
                }
                for name in ("times", "total", "largest")
            },
        },
        "gaps": [dataclasses.asdict(gap) for gap in part.gaps],
    }


def _from_json(value: dict[str, Any]) -> SimulationPart:
    summary: dict[str, Any] = {
        name: {category: np.array(items, np.float64) for category, items in values.items()}
        if name == "categories"
        else np.array(values, _KINDS.get(name, np.float64))
        for name, values in value["summary"].items()
    }
    moments: dict[str, Any] = {
        name: {
            quantity: np.array(items, np.float64)
            for quantity, items in value["moments"][name].items()
        }
        for name in ("mean", "squares", "largest")
    }
    return SimulationPart(
        summary=ScenarioSummary(**summary),
        moments=StageMoments(n=value["moments"]["n"], **moments),
        failures=tuple(ScenarioFailure(**failure) for failure in value["failures"]),
        truncated_inflows=value["truncated_inflows"],
        retries=value["retries"],
        violations=_violations(value["violations"]),
        gaps=tuple(ScenarioGap(**gap) for gap in value["gaps"]),
    )


def _violations(value: dict[str, Any]) -> ViolationCounts:
    times = {kind: np.array(items, np.int64) for kind, items in value["times"].items()}
    total, largest = (
        {kind: np.array(items, np.float64) for kind, items in value[name].items()}
        for name in ("total", "largest")
    )
    return ViolationCounts(value["n"], times, total, largest)
