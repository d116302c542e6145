"""Compiling the engine before it is needed."""

from __future__ import annotations

from headwater.api.progress import followed
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.training.compilation import ensure_compiled, is_compiled


def warm_up(*, on_event: EventSink = ignore, progress: bool = True) -> bool:
    """Compile the engine ahead of time; what is compiled is kept on disk for later runs.

    Training and simulation do this themselves when they need it, which takes a minute or two the
    first time: call it where an image or an environment is made.

    Args:
        on_event: called with progress events.
        progress: whether to show on standard error how it goes.

    Returns:
        Whether anything had to be compiled.

    Raises:
        SolverError: there is no HiGHS library that can be used.

    Examples:
        >>> hw.warm_up(progress=False)
    """
    if is_compiled():
        return False
    with followed(progress, on_event) as callback:
        ensure_compiled(callback)
    return True
