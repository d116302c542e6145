"""What a training depends on, part by part, as short texts that can be stored and compared."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any

import numpy as np

from headwater._version import __version__
from headwater.choices.forward.sampled import SampledPass
from headwater.core.provenance import digest_name, digest_word, is_own
from headwater.model import InflowNoise, Study
from headwater.solver import highs_version

Fingerprint = Mapping[str, str]
"""Part of a study -> digest, or the value itself where it is short."""

FREE_SETTINGS = ("enabled", "stopping_rules", "stopping_mode", "threads", "archive_memory_limit_mb")
"""Settings of training that say when it ends or what it may use of the machine, and so change none
of its iterations.
"""


def study_fingerprint(study: Study) -> dict[str, str]:
    """Everything the iterations of a training depend on.

    It covers the system, the settings and the versions of the programs.

    Two trainings with the same fingerprint do the same in every iteration, bit for bit.
    """
    system = ((name, value) for name, value in _fields(study.system) if value or name not in _ADDED)
    parts = {f"{_SYSTEM}{name}": _digest(value) for name, value in system}
    config = study.config
    parts |= {
        f"training.{name}": _short(value)
        for name, value in _fields(config.training)
        if name not in FREE_SETTINGS
    }
    if (
        config.training.forward_pass == SampledPass()
    ):  # stored policies are from when there was no other
        del parts["training.forward_pass"]
    foreign = [
        digest_name(rule) for rule in config.training.stopping_rules if not is_own(type(rule))
    ]
    if foreign:  # what rules of packages ask for while a training goes on, nobody else knows
        parts["training.rules_of_packages"] = ", ".join(foreign)
    parts |= {f"upper_bound.{name}": _short(value) for name, value in _fields(config.upper_bound)}
    for name in ("inflow_non_negativity", "estimation", "noise_sharing"):
        parts[name] = _short(getattr(config, name))
    if config.inflow_noise is not InflowNoise.NORMAL:  # stored policies know no other
        parts["inflow_noise"] = _short(config.inflow_noise)
    parts["policy.boundary"] = _short(config.policy.boundary)
    parts["policy.purge_after"] = _short(config.policy.purge_after)
    parts["headwater"] = __version__
    parts["solver"] = highs_version()
    return parts


def case_digest(fingerprint: Fingerprint) -> str:
    """One digest of the system that a fingerprint is of, whatever the settings and the programs.

    It is empty where there is no such digest.
    """
    parts = {name: value for name, value in fingerprint.items() if name.startswith(_SYSTEM)}
    return _digest(parts).removeprefix(_DIGEST) if parts else ""


def differing_parts(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Parts in which two fingerprints differ, with the values where they are short."""
    found = []
    for part in dict.fromkeys((*one, *other)):
        before, now = one.get(part, "nothing"), other.get(part, "nothing")
        if before != now:
            telling = not before.startswith(_DIGEST) and not now.startswith(_DIGEST)
            found.append(f"{part} ({before} there, {now} here)" if telling else part)
    return found


_SYSTEM = "system."
_ADDED = ("equipment", "stage_values", "regime_changes")
"""Fields of a system that earlier versions did not have: where they are empty, a training is what
it was.
"""

_DIGEST = "sha256:"
_LONGEST_TEXT = 40


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))


def _short(value: object) -> str:
    text = str(value.value) if isinstance(value, Enum) else str(value)
    plain = isinstance(value, bool | int | float | str | Enum) or value is None
    return text if plain and len(text) <= _LONGEST_TEXT else _digest(value)


def _digest(value: object) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(value):
        digest.update(piece)
    return _DIGEST + digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """A tree of values as bytes.

    Equal trees give equal bytes, and where one value ends the next cannot be mistaken for it.
    """
    if isinstance(value, bool | np.bool_ | None):
        yield f"k{value!r}".encode()
    elif isinstance(value, int | np.integer):
        yield f"i{int(value)};".encode()
    elif isinstance(value, float | np.floating):
        yield b"f" + struct.pack("<d", float(value))
    elif isinstance(value, str):
        yield f"s{len(value)}:{value}".encode()
    elif isinstance(value, date):
        yield f"d{value.isoformat()};".encode()
    elif isinstance(value, Enum):
        yield from _pieces(value.name)
    elif (word := digest_word(value)) is not None:
        yield from _pieces(word)
    elif isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        yield f"a{little.dtype.str}{little.shape}".encode()
        yield little.tobytes()
    elif isinstance(value, Mapping):
        yield f"m{len(value)}:".encode()
        for key in sorted(value, key=repr):
            yield from _pieces(key)
            yield from _pieces(value[key])
    elif isinstance(value, list | tuple):
        yield f"l{len(value)}:".encode()
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, set | frozenset):
        yield from _pieces(sorted(value, key=repr))
    elif dataclasses.is_dataclass(value):
        yield f"c{digest_name(value)}:".encode()
        digested = getattr(value, "digest_fields", None)
        for name, item in _fields(value) if digested is None else digested():
            yield from _pieces(name)
            yield from _pieces(item)
    else:
        raise TypeError(f"a {type(value).__name__} has no fingerprint")
