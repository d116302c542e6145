"""Things that are known by name.

Those of the project, those of installed packages, and those that a script adds.

A registry is filled when it is first asked. The modules of the project lie in one folder and add
what they define when they are imported; installed packages name theirs as entry points of the group
``headwater.<group>``, for example::

    [project.entry-points."headwater.risk_measures"]
    entropic = "my_package.risk:Entropic"
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from types import ModuleType
from typing import Generic, TypeVar

from headwater.core.wording import listed
from headwater.errors import UsageError

T = TypeVar("T")

OWN = "headwater"
"""Package that what comes with the project belongs to."""

Claims = Callable[[T], Iterable[tuple[str, Hashable]]]
"""What a thing alone may have: pairs of what it is and its value, ``("entity code", 8)``."""


@dataclass(frozen=True)
class Origin:
    """Where a thing comes from.

    Attributes:
        package: name of the installed package, or of the module of a script.
        version: its version; empty where none is known.
    """

    package: str
    version: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it comes with the project."""
        return self.package == OWN

    def __str__(self) -> str:
        return f"{self.package} {self.version}".strip()


class Registry(Generic[T]):
    """All things of one kind, by name.

    Args:
        group: what they are called in names of entry points and in messages, in plural:
            ``"risk_measures"``.
        folder: package of the project whose modules add theirs; empty for none.
        name: name of a thing; its attribute ``type`` or ``name`` where nothing is given.
        claims: what only one thing may have beside its name.
        order: key by which they are listed; by name where nothing is given.
    """

    def __init__(
        self,
        group: str,
        folder: str = "",
        *,
        name: Callable[[T], str] | None = None,
        claims: Claims[T] | None = None,
        order: Callable[[T], tuple[int, str]] | None = None,
    ) -> None:
        self.group = group
        self._folder = folder
        self._name = name or _own_name
        self._claims = claims or (lambda _: ())
        self._order = order or (lambda item: (0, self._name(item)))
        self._items: dict[str, T] = {}
        self._origins: dict[str, Origin] = {}
        self._claimed: dict[tuple[str, Hashable], str] = {}
        self.broken: dict[str, str] = {}
        """Names of entry points of installed packages that cannot be loaded -> why."""
        self._filling: Origin | None = None
        self._is_full = False
        self._lock = RLock()

    def add(self, item: T) -> T:
        """Make a thing known and return it, so that it also decorates a class.

        Nothing else is loaded for it.

        Raises:
            UsageError: its name, or something else that only one thing may have, belongs to
                another.
        """
        with self._lock:
            name, origin = self._name(item), self._filling or _origin_of(item)
            if self._items.get(name) is item:
                return item
            wanted = [("name", name), *self._claims(item)]
            for claim in wanted:
                owner = self._claimed.get(claim)
                if owner is not None:
                    raise UsageError(
                        f"{self.group}: '{name}' of {origin} cannot be added, because '{owner}' "
                        f"of {self._origins[owner]} has the {claim[0]} {claim[1]!r} already"
                    )
            self._items[name] = item
            self._origins[name] = origin
            self._claimed |= dict.fromkeys(wanted, name)
            return item

    def remove(self, name: str) -> None:
        """Forget a thing; one that is not known raises `UsageError`."""
        with self._lock:
            self[name]
            del self._items[name], self._origins[name]
            self._claimed = {
                claim: owner for claim, owner in self._claimed.items() if owner != name
            }

    def __getitem__(self, name: str) -> T:
        found = self._known().get(name)
        if found is None:
            raise UsageError(self.why_unknown(name))
        return found

    def why_unknown(self, name: str) -> str:
        """Why a name is not known: nobody has it, or the package that may cannot be loaded."""
        if name in self.broken:
            return self.broken[name]
        known = listed(self.names(), 20) or "none"
        rest = "".join(f"; {why}" for why in self.broken.values())
        return f"{self.group}: there is no '{name}'; known are {known}{rest}"

    def __contains__(self, name: object) -> bool:
        return name in self._known()

    def __iter__(self) -> Iterator[T]:
        return iter(sorted(self._known().values(), key=self._order))

    def __len__(self) -> int:
        return len(self._known())

    def names(self) -> tuple[str, ...]:
        """Names of all, in their order."""
        return tuple(self._name(item) for item in self)

    def origin(self, name: str) -> Origin:
        """Where a thing comes from; one that is not known raises `UsageError`."""
        self[name]
        return self._origins[name]

    def _known(self) -> dict[str, T]:
        with self._lock:
            if self._filling is None:
                self._fill()
        return self._items

    def _fill(self) -> None:
        if self._is_full:
            return
        try:
            self._filling = Origin(OWN)
            for module in _modules(self._folder):
                importlib.import_module(module)
            for entry in sorted(
                entry_points(group=f"headwater.{self.group}"),
                key=lambda entry: (entry.name, entry.value),
            ):
                self._filling = _origin_of_entry(entry)
                self._load(entry)
            self._is_full = True
        finally:
            self._filling = None

    def _load(self, entry: EntryPoint) -> None:
        """Load what an installed package names; what fails is told, for all else works without."""
        try:
            found = entry.load()
            if not isinstance(found, ModuleType):
                self.add(found)
        except Exception as error:
            self.broken[entry.name] = (
                f"{self.group}: '{entry.name}' of the installed package {self._filling} cannot be "
                f"loaded from {entry.value} ({type(error).__name__}: {error})"
            )
            warnings.warn(
                f"{self.broken[entry.name]}; mend the package or uninstall it", stacklevel=2
            )


def _own_name(item: object) -> str:
    for attribute in ("type", "name"):
        found = getattr(item, attribute, None)
        if isinstance(found, str) and found:
            return found
    raise UsageError(f"{item!r} has no name: give it an attribute 'type' or 'name' that is a text")


def _modules(folder: str) -> Iterator[str]:
    """Names of all modules of a package, and the package itself."""
    if folder:
        package = importlib.import_module(folder)
        yield folder
        yield from sorted(
            found.name for found in pkgutil.walk_packages(package.__path__, f"{folder}.")
        )


def _origin_of_entry(entry: EntryPoint) -> Origin:
    return (
        Origin(entry.value.split(":")[0])
        if entry.dist is None
        else Origin(entry.dist.name, entry.dist.version)
    )


def _origin_of(item: object) -> Origin:
    module = getattr(item, "__module__", None) or type(item).__module__
    return Origin(OWN if module.split(".")[0] == OWN else module)
