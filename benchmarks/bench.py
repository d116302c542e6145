"""``headwater bench`` of a checkout: ``python benchmarks/bench.py [CASE] [options]``."""

import sys

from headwater.cli import main

sys.argv.insert(1, "bench")
main()
