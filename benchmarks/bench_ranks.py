"""What every rank runs that the benchmark starts."""

import sys

from headwater_bench.rank_program import main

sys.exit(main())
