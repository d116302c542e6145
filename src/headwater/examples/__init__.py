"""Cases that come with the package, to try things on.

import headwater as hw

case = hw.examples.load("four-subsystems")
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from headwater.case import TEMPLATES, Case, load_case, write_starter
from headwater.case.load import read_documents
from headwater.errors import UnknownNameError

_HERE = Path(__file__).parent
_CHECKOUT = Path(__file__).parents[3] / "examples"
"""Where the cases lie beside a package that is used from its source repository."""

_CASES = ("four-subsystems",)

__all__ = ["load", "names"]


def names() -> tuple[str, ...]:
    """Names of all examples: cases of some size, and the starters of ``headwater init``.

    Examples:
        >>> hw.examples.names()
        ('four-subsystems', 'one-reservoir', 'cascade-fpha', 'subsystems', 'from-history')
    """
    return (*_CASES, *TEMPLATES)


def load(name: str = "four-subsystems") -> Case:
    """A case that comes with the package; `Case.save` writes it where you can edit it.

    Args:
        name: one of `names`.

    Raises:
        UnknownNameError: there is no such example; the message says which there are.

    Examples:
        >>> hw.examples.load("one-reservoir").save("my-case")
    """
    if name in _CASES:
        found = [place / name for place in (_HERE, _CHECKOUT) if (place / name).is_dir()]
        return load_case(found[0])
    if name not in TEMPLATES:
        raise UnknownNameError(f"there is no example '{name}'; there are: {', '.join(names())}")
    with tempfile.TemporaryDirectory() as directory:
        case = load_case(write_starter(Path(directory) / name, name))
        return dataclasses.replace(
            case, root=Path(), input_files=(), _documents=read_documents(case.root)
        )
