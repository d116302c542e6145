"""Which files of an output directory are ours: the only ones that are ever removed.

They are told by regular expressions of relative paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from headwater import files
from headwater.arrays import FrozenDict
from headwater.errors import ResultsError
from headwater.results.schemas import SCHEMAS


def _any_of(expressions: Iterable[str]) -> str:
    return "|".join(f"(?:{one})" for one in expressions)


def _tables(part: str) -> list[str]:
    """Files of the tables of a part of the results."""
    places = [
        s.place.removeprefix(f"{part}/") for s in SCHEMAS.values() if s.place.startswith(f"{part}/")
    ]
    return [
        re.escape(place)
        + (r"(part-\d+-\d+|scenario_id=\d+/data)\.parquet" if place.endswith("/") else "")
        for place in places
    ]


_EVERYWHERE = (
    r"metadata\.json",
    "_SUCCESS",
    r"diagnostics/warnings\.jsonl",
    r"dictionaries/(codes\.json|entities\.csv|variables\.csv|topology\.json|bounds\.parquet|"
    r"state_dictionary\.json)",
)

TRAINING = _any_of((*_EVERYWHERE, r"scaling_report\.json", *_tables("training")))
SIMULATION = _any_of((*_EVERYWHERE, *_tables("simulation")))
PARTIAL_TRAINING = rf"metadata\.json|\.metadata\.json{re.escape(files.TEMPORARY_MARK)}[0-9a-f]{{8}}"
PARTIAL_SIMULATION = _any_of(
    (
        SIMULATION,
        r"request\.json",
        r"journal/\d+\.json",
        rf"(.+/)?\.[^/]+{re.escape(files.TEMPORARY_MARK)}[0-9a-f]{{8}}",
    )
)
HYDRO_MODELS = _any_of((r"fpha_hyperplanes\.parquet", r"fitting_report\.json"))
FIT = _any_of(
    (
        r"inflow_(seasonal_stats|ar_coefficients|annual_component|lags)\.parquet",
        r"load_seasonal_stats\.parquet",
        r"(correlation|fitting_report)\.json",
        r"pictures\.html",
    )
)
CSV = r"\w+\.csv"
FAILURE = r"stage-\d+\.(mps|bas|json)"
STOCHASTIC = _any_of(
    (FIT, r"(noise_openings|opening_probabilities)\.parquet", r"(library_report|provenance)\.json")
)

WRITTEN = FrozenDict(
    {
        "training": TRAINING,
        "simulation": SIMULATION,
        "hydro_models": HYDRO_MODELS,
        "stochastic": STOCHASTIC,
        "fit": FIT,
        "csv": CSV,
        "probe": "",
        r"\.lock-holder\.json": "",
    }
)
"""What is written to an output directory under a temporary name first, and which files of it are
ours.
"""


def failures_of_ours(directory: Path) -> frozenset[Path]:
    """Files of linear programs that ended runs of ours.

    Records of ours, and what they name as it was written.
    """
    found: set[Path] = set()
    for record in directory.glob("stage-*.json"):
        try:
            value = json.loads(files.read_regular(record))
            if not re.fullmatch(FAILURE, record.name) or not value["versions"]["headwater"]:
                continue
            digests = {
                name: digest
                for name, digest in value["sha256"].items()
                if re.fullmatch(FAILURE, name)
            }
            named = {
                directory / name
                for name, digest in digests.items()
                if _has_digest(directory / name, digest)
            }
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            continue
        found |= {record, *named}
    return frozenset(found)


def _has_digest(path: Path, digest: str) -> bool:
    return path.is_file() and files.sha256(path) == digest


def refuse_foreign(directory: Path) -> None:
    """Refuse to replace results that no run of ours wrote.

    Raises:
        ResultsError: there are some.
    """
    if (
        not directory.exists()
        or (directory.is_dir() and not any(directory.iterdir()))
        or _says_it_is_ours(directory)
    ):
        return
    raise ResultsError(
        f"{directory} was not written by Headwater and would be replaced; choose another output "
        "directory or move it away"
    )


def _says_it_is_ours(directory: Path) -> bool:
    """Whether a directory has metadata of ours; those of ours that a crash has damaged count."""
    try:
        metadata = json.loads(files.read_regular(directory / "metadata.json"))
    except (ValueError, RecursionError):
        return True
    except OSError:
        return False
    return isinstance(metadata, dict) and ("run_id" in metadata or "process" in metadata)
