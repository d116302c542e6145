"""Finding out whether this process is one of several that were started together."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum

from headwater.distributed.communicator import ALONE, Communicator
from headwater.distributed.sharing import Sharing, chosen_sharing
from headwater.errors import UsageError

COMMUNICATOR_VARIABLE = "HEADWATER_COMM"
"""Environment variable that says how ranks talk: ``auto``, ``local`` or ``mpi``."""

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PALS_SIZE")
"""Variables in which ``mpiexec`` of the common MPI libraries tells a process how many there are."""

_found: dict[str, Communicator] = {}


class _Unmet(Communicator):
    """Ranks that do not know each other yet: all that one can do is to end the others.

    They would wait for it for ever, and it for them when the interpreter ends MPI.
    """

    def abort(self, exit_code: int) -> None:
        """End all ranks if MPI has begun; before that ``mpiexec`` ends them with this one."""
        mpi = sys.modules.get("mpi4py.MPI")
        begun = mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized()
        if mpi is not None and begun and mpi.COMM_WORLD.size > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            mpi.COMM_WORLD.Abort(exit_code)


_UNMET = _Unmet()


class Communication(StrEnum):
    """How ranks talk."""

    AUTO = "auto"
    LOCAL = "local"
    MPI = "mpi"


def launched_ranks(environment: Mapping[str, str]) -> int:
    """How many processes were started together, as far as the environment tells.

    1 when it does not.
    """
    stated = [environment[name] for name in _SIZES if name in environment]
    if "PMIX_RANK" in environment:
        stated += [
            environment[name]
            for name in ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
            if name in environment
        ]
    numbers = (
        int(value) for value in stated if value.isascii() and value.isdigit() and len(value) < 9
    )
    return next((number for number in numbers if number > 0), 1)


def find_communicator(environment: Mapping[str, str] | None = None) -> Communicator:
    """The ranks that this process belongs to.

    Those of ``mpiexec`` if it was started by it, else itself alone.

    ``HEADWATER_COMM`` set to ``local`` or ``mpi`` decides it instead. MPI starts at the first call
    that needs it.

    Raises:
        UsageError: the variable makes no sense, MPI is needed and cannot be used, or ``mpiexec``
            and the MPI library that mpi4py was built for are not of one kind.
    """
    environment = os.environ if environment is None else environment
    chosen = environment.get(COMMUNICATOR_VARIABLE, Communication.AUTO.value)
    if chosen not in list(Communication):
        raise UsageError(
            f"the environment variable {COMMUNICATOR_VARIABLE} must be auto, "
            f"local or mpi, got '{chosen}'"
        )
    launched = launched_ranks(environment)
    if chosen == Communication.LOCAL or (chosen == Communication.AUTO and launched == 1):
        return ALONE
    if chosen not in _found:
        _found[chosen] = _mpi(launched, chosen_sharing(environment))
    return _found[chosen]


def known_communicator() -> Communicator:
    """What `find_communicator` found before, for those who only want to know how to end.

    When nobody asked yet, or the answer did not come to its end, one that can only end all.
    """
    return next(iter(_found.values()), _UNMET)


def _mpi(launched: int, sharing: Sharing) -> Communicator:
    try:
        from headwater.distributed.mpi import MpiCommunicator, abort_on_uncaught
    except (ImportError, RuntimeError) as error:
        why = (
            "mpi4py is not installed"
            if isinstance(error, ModuleNotFoundError)
            else f"mpi4py cannot be used ({error})"
        )
        raise UsageError(
            f"this run is one of {launched} that were started together, but {why}: "
            f"pip install 'headwater[mpi]', or set {COMMUNICATOR_VARIABLE}=local to run alone"
        ) from error
    abort_on_uncaught(_UNMET)  # Ctrl-C may come while the ranks get to know each other
    communicator = MpiCommunicator(sharing=sharing)
    if launched > 1 and communicator.size == 1:
        raise UsageError(
            f"{launched} processes were started together but cannot see each other: mpi4py was "
            "built for another MPI library than the one whose mpiexec started them; use the "
            "mpiexec of that library, or build mpi4py for this one (pip install --no-binary "
            "mpi4py --force-reinstall mpi4py)"
        )
    if communicator.size == 1:
        return ALONE
    return communicator
