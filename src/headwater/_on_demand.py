"""Names of a package that are imported when they are first asked for.

So a command pays only for what it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def on_demand(
    package: str, homes: Mapping[str, Sequence[str]], submodules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its name.
        homes: names that it offers, by the module that defines them.
        submodules: its own modules that are attributes too.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name in home_of:
            found = getattr(import_module(home_of[name]), name)
        elif name in submodules:
            found = import_module(f"{package}.{name}")
        else:
            raise AttributeError(
                f"module '{package}' has no attribute '{name}'", name=name, obj=sys.modules[package]
            )
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of, *submodules})

    return get, names


class OnDemandMember:
    """A member that a package above makes when it is asked for.

    So a thing need not know how it is drawn.

    Args:
        module: that makes it; imported when the member is first asked for.
        name: what to call there with the thing.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __get__(self, thing: object, kind: type) -> Any:
        if thing is None:
            return getattr(import_module(self._module), self._name)
        return getattr(import_module(self._module), self._name)(thing)
