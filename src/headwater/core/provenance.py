"""What choices are called in files and digests, and which package they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from typing import Any

from headwater.core.registry import OWN


def is_choice(value: object) -> bool:
    """Whether a value is a choice of the algorithm."""
    return dataclasses.is_dataclass(value) and isinstance(getattr(type(value), "type", None), str)


def type_of(choice: object) -> str:
    """Name of a choice in cases, policies and results."""
    return str(getattr(choice, "type", ""))


def is_own(kind: Any) -> bool:
    """Whether a class is the project's own."""
    return str(kind.__module__).partition(".")[0] == OWN


@lru_cache
def origin(kind: Any) -> str:
    """Distribution and version that a class comes from; empty for the project's own.

    Where the class is part of no distribution, its module.
    """
    if is_own(kind):
        return ""
    package = kind.__module__.partition(".")[0]
    for distribution in metadata.packages_distributions().get(package, ()):
        return f"{distribution} {metadata.version(distribution)}"
    return "a script" if package == "__main__" else f"the module {kind.__module__}"


def origins(*values: object) -> list[str]:
    """Packages of the choices of others in trees of values, each once."""
    return list(dict.fromkeys(_origins(values)))


def packages_of(study: Any) -> list[str]:
    """Packages, with versions, of the choices and equipment of a study that are of others."""
    packages = origins([stage.risk for stage in study.system.stages], study.config)
    kinds = dict.fromkeys(map(type, study.system.equipment))
    packages += [package for package in map(origin, kinds) if package]
    return list(dict.fromkeys(packages))


def _origins(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _origins(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        if is_choice(value) and (package := origin(type(value))):
            yield package
        for field in dataclasses.fields(value):
            yield from _origins(getattr(value, field.name))


def digest_name(value: object) -> str:
    """Name of the class of a value in digests."""
    kind: Any = type(value)
    if is_own(kind):
        return str(getattr(kind, "digest_name", kind.__name__))
    return f"{kind.__qualname__} of {origin(kind)}"


def digest_word(value: object) -> str | None:
    """Word that stands for a choice in digests since before it was a class; ``None`` for others."""
    kind: Any = type(value)
    return getattr(kind, "digest_word", None) if is_own(kind) else None


def digest_text(choice: Any) -> str:
    """A choice with its parameters, for digests: two with the same text do the same."""
    fields = dataclasses.fields(choice)
    given = ", ".join(f"{field.name}={getattr(choice, field.name)!r}" for field in fields)
    return f"{digest_name(choice)}({given})"
