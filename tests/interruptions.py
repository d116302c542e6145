"""Interrupts runs in every way that happens, lets them go on, and compares with one
that nobody interrupted.

    python tests/interruptions.py CASE DIRECTORY --number 200 --seed 1

``train``, ``run`` and ``simulate`` over 1 to 3 ranks meet Ctrl-C, SIGTERM, SIGHUP, SIGKILL, a full
disk or a terminal that is closed, at random moments. What is resumed must write the same bytes.
Results are a JSON object a line in DIRECTORY/results.jsonl; a file that exists is gone on with.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from headwater.distributed import RankStarter
from kill_driver import differences, write_facts

COMMANDS = ("train", "run", "simulate")
WAYS = ("INT", "TERM", "HUP", "KILL", "full disk", "closed terminal")
FOREVER = 600.0
"""Seconds after which a run counts as stuck."""
MOST_WRITES = 60
"""Writes after which a disk is full, at most."""
GOOD_CODES = (0, 75, 130, 2)
"""Exit codes of a process that ended by itself: done, stopped with all kept, stopped before that,
nowhere to write.
"""
TAKE_TERMINAL = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
FULL_DISK = Path(__file__).with_name("interrupted_program.py")


class WrongError(Exception):
    """An interruption that lost work, or a run that ended as it must not."""


@dataclass(frozen=True)
class Interruption:
    """One interruption.

    Attributes:
        moment: share of the time of an undisturbed run; of `MOST_WRITES` for a full disk.
    """

    number: int
    command: str
    ranks: int
    way: str
    moment: float

    @classmethod
    def drawn(cls, seed: int, number: int, most_ranks: int) -> Interruption:
        """The interruption of a number."""
        chance = random.Random(f"{seed}:{number}")
        ranks = chance.randint(1, most_ranks)
        return cls(number, chance.choice(COMMANDS), ranks, chance.choice(WAYS), chance.random())


class Driver:
    """Interrupts runs of a case.

    Args:
        case: its directory.
        directory: where everything is written.
    """

    def __init__(self, case: Path, directory: Path) -> None:
        self.case, self.directory = case, directory
        directory.mkdir(parents=True, exist_ok=True)
        self._seconds: dict[tuple[str, int], float] = {}

    def whole(self, command: str) -> Path:
        """Output of a run that nobody interrupts; its policy is what is simulated with."""
        out = self.directory / f"whole-{command}"
        facts = out.with_suffix(".json")
        if not facts.exists():
            if command == "simulate":
                self.whole("train")
            self._complete(command, 1, out)
            write_facts(_with_policy(out, self.directory), facts)
        return facts

    def seconds(self, command: str, ranks: int) -> float:
        """How long a run takes that nobody interrupts."""
        if (command, ranks) not in self._seconds:
            self.whole(command)
            started = time.monotonic()
            self._complete(command, ranks, self.directory / "timed")
            self._seconds[command, ranks] = time.monotonic() - started
            shutil.rmtree(self.directory / "timed")
        return self._seconds[command, ranks]

    def words(
        self, command: str, ranks: int, out: Path, *, full_after: int | None = None
    ) -> list[str]:
        """The command line of a run that goes on with what is in its directory."""
        program = ["-m", "headwater"] if full_after is None else [str(FULL_DISK), str(full_after)]
        words = [
            sys.executable,
            *program,
            command,
            str(self.case),
            "--output",
            str(out),
            "--threads",
            "1",
            "--resume",
        ]
        if command == "simulate":
            words += ["--policy", str(self.directory / "whole-train" / "policy")]
        return words if ranks == 1 else RankStarter().words(ranks, words)

    def _complete(self, command: str, ranks: int, out: Path) -> None:
        done = subprocess.run(
            self.words(command, ranks, out),
            capture_output=True,
            text=True,
            timeout=FOREVER,
            check=False,
        )
        if done.returncode:
            raise WrongError(
                f"{command} on {ranks} ranks ended with {done.returncode}: {done.stderr[-2000:]}"
            )

    def try_one(self, one: Interruption) -> int:
        """Interrupt a run, resume it to its end and compare.

        Returns the exit code of the interruption.
        """
        out = self.directory / f"run-{one.number:04d}"
        shutil.rmtree(out, ignore_errors=True)
        code, said = self._interrupted(one, out)
        if "Traceback" in said or "internal error" in said:
            raise WrongError(f"{one}: {said[-2000:]}")
        if one.ranks == 1 and code >= 0 and code not in GOOD_CODES:
            raise WrongError(f"{one}: exit code {code}: {said[-2000:]}")
        self._complete(one.command, one.ranks, out)
        facts = self.directory / "facts.json"
        write_facts(_with_policy(out, self.directory), facts)
        if other := differences(self.whole(one.command), facts):
            raise WrongError(f"{one}: the resumed run wrote something else: {', '.join(other)}")
        shutil.rmtree(out)
        return code

    def _interrupted(self, one: Interruption, out: Path) -> tuple[int, str]:
        if one.way == "full disk":
            words = self.words(
                one.command, one.ranks, out, full_after=int(one.moment * MOST_WRITES)
            )
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=FOREVER, check=False
            )
            return done.returncode, done.stdout + done.stderr
        delay = one.moment * self.seconds(one.command, one.ranks)
        words = self.words(one.command, one.ranks, out)
        if one.way == "closed terminal":
            return _in_a_terminal(words, delay), ""
        log = self.directory / "log"
        with log.open("w+") as stream:
            return _signalled(
                words, delay, getattr(signal, f"SIG{one.way}"), stream
            ), log.read_text(errors="replace")


def _signalled(words: list[str], delay: float, number: int, stream: IO[str]) -> int:
    """Run a command and send a signal to it and all that it started."""
    process = subprocess.Popen(
        words, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        family = _family(process.pid)
        if number == signal.SIGINT:  # a terminal tells the command alone, which tells its ranks
            process.send_signal(number)
        else:
            _tell(family, number)
        return _end_of(process, family)
    return process.returncode


def _tell(family: list[psutil.Process], number: int) -> None:
    """Send a signal to all processes of a run but those between the command and its
    ranks, which nobody signals.
    """
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "hydra" not in one.name() or number == signal.SIGKILL:
                one.send_signal(number)


def _family(number: int) -> list[psutil.Process]:
    """A process and all that it started: those that start ranks give them groups of their own."""
    try:
        first = psutil.Process(number)
        return [*first.children(recursive=True), first]
    except psutil.NoSuchProcess:
        return []


def _in_a_terminal(words: list[str], delay: float) -> int:
    """Run a command in a terminal of its own, which is closed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    reader = threading.Thread(
        target=_read_until, args=(ours, time.monotonic() + delay), daemon=True
    )
    reader.start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    reader.join()
    family = _family(process.pid)
    os.close(ours)
    return _end_of(process, family)


def _read_until(terminal: int, deadline: float) -> None:
    """Read what is shown, so that nobody waits for room."""
    os.set_blocking(terminal, False)
    while time.monotonic() < deadline:
        try:
            if not os.read(terminal, 65536):
                return
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:  # nobody writes any more
            return


def _end_of(process: subprocess.Popen[bytes], family: list[psutil.Process]) -> int:
    """Exit code of a process once all that it started have ended too.

    Ranks may still write when what started them is gone.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(FOREVER)
    _, alive = psutil.wait_procs(family, FOREVER)
    if alive or process.poll() is None:
        for one in alive:
            one.kill()
        process.wait()
        raise WrongError(f"{process.args} did not end")
    return process.returncode


def _with_policy(out: Path, directory: Path) -> Path:
    """Where `write_facts` finds a policy too.

    That of the training, for a simulation that has none of its own.
    """
    if not (out / "policy").exists():
        shutil.copytree(directory / "whole-train" / "policy", out / "policy")
    return out


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("case", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=3, help="most ranks of a run")
    parser.add_argument(
        "--within", type=float, default=math.inf, help="begin no more after so many seconds"
    )
    wanted = parser.parse_args()
    deadline = time.monotonic() + wanted.within
    driver = Driver(wanted.case, wanted.directory)
    results = wanted.directory / "results.jsonl"
    lines = results.read_text().splitlines() if results.exists() else []
    done = {entry["number"]: entry for entry in map(json.loads, lines)}
    for number in range(wanted.number):
        if number in done or time.monotonic() > deadline:
            continue
        one = Interruption.drawn(wanted.seed, number, wanted.ranks)
        try:
            done[number] = asdict(one) | {"code": driver.try_one(one), "wrong": ""}
        except WrongError as wrong:
            done[number] = asdict(one) | {"code": None, "wrong": str(wrong)}
        with results.open("a") as file:
            file.write(json.dumps(done[number]) + "\n")
    wrong = [entry["wrong"] for entry in done.values() if entry["wrong"]]
    counts = Counter(f"{entry['way']}, {entry['ranks']} ranks" for entry in done.values())
    sys.stdout.write(
        json.dumps({"interruptions": len(done), "wrong": wrong, "counts": counts}) + "\n"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
