"""The command line on a disk that is full after a number of writes.

``python interrupted_program.py WRITES WORD...``.
"""

from __future__ import annotations

import errno
import sys

from crashing_disk import failing
from headwater.cli import main

if __name__ == "__main__":
    at = int(sys.argv.pop(1))
    with failing(at, errno.ENOSPC):
        main()
