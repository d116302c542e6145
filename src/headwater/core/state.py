"""What the state of a study is: named blocks of components, and where each of them stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.parts import LAST
from headwater.core.wording import counted


@dataclass(frozen=True)
class StateBlock:
    """Components of the state that one kind of equipment declares.

    Attributes:
        name: name of the block, e.g. ``"storage"``.
        unit: unit of all components.
        index: what tells the components apart, the id of an entity first: ``("hydro_id", "lag")``.
        owners: ``[component]`` values of the index.
        kind: what a component is in dictionaries, with the index in braces; empty for the name.
        label: its name for people, with the index in braces; empty for name and index.
        order: order among the blocks.
        words: what is compared between two states, in words; empty for the name.
        compared: whether that is the entities, or how many components each has (``"depths"``), or
            how many all of them have (``"depth"``).
        code: code of the finding when two states differ in it.
        priced: whether results show what one more unit of a component is worth.
        entity_names: names of `ids` for people; empty where they are not known.
        initial: gives the values before the first stage, ``[component]``.
        box: gives the least and greatest values at the end of the horizon, ``[component]`` each;
            ``None`` where there are none.
    """

    name: str
    unit: str
    index: tuple[str, ...]
    owners: tuple[tuple[int, ...], ...]
    kind: str = ""
    label: str = ""
    order: int = LAST
    words: str = field(default="", compare=False)
    compared: Literal["ids", "depth", "depths"] = field(default="ids", compare=False)
    code: str = field(default="HW802", compare=False)
    priced: bool = field(default=False, compare=False)
    entity_names: tuple[str, ...] = field(default=(), compare=False)
    initial: Callable[[], Array] | None = field(default=None, compare=False, repr=False)
    box: Callable[[], tuple[Array, Array]] | None = field(default=None, compare=False, repr=False)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the entities that have components, each once."""
        return tuple(dict.fromkeys(owner[0] for owner in self.owners))

    @property
    def depths(self) -> tuple[tuple[int, int], ...]:
        """Ids of these entities, each with the number of its components."""
        owned = [owner[0] for owner in self.owners]
        return tuple((one, owned.count(one)) for one in self.ids)

    @property
    def depth(self) -> int:
        """Components of every entity, where all have the same number."""
        return len(self.owners) // max(len(self.ids), 1)

    @property
    def facts(self) -> Any:
        """What is compared of it."""
        return {"ids": self.ids, "depth": self.depth, "depths": self.depths}[self.compared]

    def describe(self, first: int) -> Iterator[dict[str, Any]]:
        """One record per component, the first of which stands at place ``first``."""
        for place, owner in enumerate(self.owners, first):
            index = dict(zip(self.index, owner, strict=True))
            kind = (self.kind or self.name).format(**index)
            yield {"dimension": place, "kind": kind, **index, "unit": self.unit}

    def labels(self) -> Iterator[str]:
        """Names of the components for people."""
        pattern = self.label or "_".join([self.name, *(f"{{{one}}}" for one in self.index)])
        for owner in self.owners:
            yield pattern.format(**dict(zip(self.index, owner, strict=True)))


_NOTHING = StateBlock("nothing", "-", ("id",), ())


@dataclass(frozen=True)
class StateLayout:
    """What each component of the state is.

    Attributes:
        blocks: blocks in the order of their components; none of them is empty.
    """

    blocks: tuple[StateBlock, ...]

    @classmethod
    def of(cls, blocks: Iterable[StateBlock]) -> StateLayout:
        """The layout of some blocks, in their order."""
        ordered = sorted(blocks, key=lambda block: (block.order, block.name))
        return cls(tuple(block for block in ordered if block.owners))

    @property
    def dimension(self) -> int:
        """Length of the state."""
        return sum(len(block.owners) for block in self.blocks)

    def block(self, name: str) -> StateBlock:
        """A block by its name; one without components where the state has none of that name."""
        return self._placed.get(name, (_NOTHING, 0))[0]

    def span(self, name: str) -> slice:
        """Places of a block."""
        block, first = self._placed.get(name, (_NOTHING, 0))
        return slice(first, first + len(block.owners))

    def places(self, name: str) -> Indices:
        """Places of a block, ``[component]``."""
        span = self.span(name)
        return np.arange(span.start, span.stop)

    def size(self, name: str) -> int:
        """Number of components of a block."""
        return len(self.block(name).owners)

    @cached_property
    def _placed(self) -> dict[str, tuple[StateBlock, int]]:
        """Name of a block -> the block, and the place of its first component."""
        placed, first = {}, 0
        for block in self.blocks:
            placed[block.name] = block, first
            first += len(block.owners)
        return placed

    @property
    def priced(self) -> Indices:
        """Places of components whose worth results show."""
        places = [self.places(block.name) for block in self.blocks if block.priced]
        return np.concatenate([np.empty(0, np.int64), *places])

    @property
    def names(self) -> tuple[str, ...]:
        """One name per component, e.g. ``storage_3``, ``inflow_3_lag_1``."""
        return tuple(label for block in self.blocks for label in block.labels())

    def describe(self) -> list[dict[str, Any]]:
        """One record per component: place, kind, what tells it apart, unit."""
        return [one for block, first in self._placed.values() for one in block.describe(first)]

    def differences(
        self, other: StateLayout, own: str = "study", others: str = "policy"
    ) -> Iterator[str]:
        """What another state has otherwise, a sentence with its code for each difference.

        Args:
            other: the other state.
            own: what this one belongs to, in words.
            others: what the other one belongs to.
        """
        if self.dimension != other.dimension:
            yield (
                f"HW805 state: the {others} has {other.dimension} components, the {own} "
                f"{self.dimension}"
            )
        names = dict.fromkeys(block.name for block in (*self.blocks, *other.blocks))
        for name in names:
            ours, theirs = self.block(name), other.block(name)
            known = ours if ours.owners else theirs
            had, has = (_facts(block, known) for block in (theirs, ours))
            if had != has:
                yield f"{known.code} {known.words or name}: the {others} has {had}, the {own} {has}"


def _facts(block: StateBlock, known: StateBlock) -> str:
    if known.compared == "depth":
        return str(block.depth)
    return counted(block.ids if known.compared == "ids" else block.depths)


def owner_of(component: Mapping[str, Any]) -> tuple[str, int]:
    """Kind and id of the entity that a component belongs to.

    Read from its record in `StateLayout.describe`.
    """
    key = next(key for key in component if key.endswith("_id"))
    return key.removesuffix("_id"), int(component[key])
