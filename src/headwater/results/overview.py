"""What an output directory holds, as one value for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headwater import files
from headwater.errors import ResultsError
from headwater.results.pieces import SUCCESS, read_object
from headwater.results.reader import Results, mixture

_LONG = ("configuration", "input_files", "tables", "stages")
"""Parts of the metadata that are left out."""


def overview(directory: str | Path) -> dict[str, Any]:
    """Status and figures of a run.

    Its keys are ``output_directory``, ``status``, ``mixture``, ``training``, ``simulation``, ...

    The others are ``convergence`` and ``policy``. ``mixture`` is a sentence where parts are of
    different cases, else ``None``. ``status`` is the least finished of the parts: ``failed``,
    ``running``, ``interrupted``, ``partial`` or ``complete``. A part that is not there is ``None``;
    one that is not done is what it wrote of itself so far.

    Args:
        directory: output directory of a run, which may be under way.

    Raises:
        ResultsError: there is nothing of a run.

    Examples:
        >>> hw.overview("output")["status"]
        'complete'
    """
    directory = Path(directory)
    results = Results(directory)
    parts = {name: _part(directory, name) for name in ("training", "simulation")}
    policy = _policy(directory / "policy")
    if not any(parts.values()) and policy is None:
        raise ResultsError(f"{directory} holds nothing of a run")
    states = [part["status"] for part in parts.values() if part is not None] or ["complete"]
    order = ("failed", "running", "interrupted", "partial", "complete")
    return {
        "output_directory": str(directory),
        "status": min(states, key=lambda status: order.index(status) if status in order else 0),
        "mixture": mixture(
            {name: part for name, part in {**parts, "policy": policy}.items() if part is not None}
        )
        or None,
        **parts,
        "convergence": results.convergence.to_dicts() if results.has_training else None,
        "policy": policy,
    }


def _part(directory: Path, name: str) -> dict[str, Any] | None:
    """What a part says of itself.

    One that is under way or was interrupted comes before an earlier one that is complete.
    """
    unfinished, finished = (
        directory / f"{name}.partial",
        files.surviving_directory(directory / name),
    )
    for place in (unfinished, finished):
        if (place / "metadata.json").is_file() and (
            place == unfinished or (place / SUCCESS).is_file()
        ):
            metadata = read_object(place / "metadata.json")
            return {key: value for key, value in metadata.items() if key not in _LONG}
    return None


def _policy(directory: Path) -> dict[str, Any] | None:
    """What the newest checkpoint says of itself."""
    try:
        name = files.read_regular(directory / "LATEST").decode("ascii").split()[0]
        metadata = read_object(directory / name / "metadata.json")
    except (OSError, IndexError, UnicodeDecodeError):
        return None
    return {
        "checkpoint": name,
        **{key: value for key, value in metadata.items() if key not in ("stages", "fingerprint")},
    }
