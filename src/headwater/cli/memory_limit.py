"""A limit on the address space.

The libraries of the engine answer it by aborting, without a sentence.
"""

from __future__ import annotations

from headwater.cli.consoles import stderr

ENOUGH_BYTES = 2 * 2**30
"""Address space that a small study needs: libraries reserve far more than they use."""


def warn_of_tight_memory() -> None:
    """Say beforehand that a limit on the address space may end the process."""
    try:
        import resource
    except ImportError:  # systems without such limits
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < ENOUGH_BYTES:
        stderr().print(
            f"warning: the address space of this process is limited to {limit / 2**20:,.0f} MB "
            f"(ulimit -v); below about {ENOUGH_BYTES / 2**20:,.0f} MB libraries may abort without "
            "a message. Raise the limit, or limit the memory in use instead (a cgroup, or --mem "
            "of the scheduler); fewer threads need less (--threads, POLARS_MAX_THREADS, "
            "OPENBLAS_NUM_THREADS)"
        )
