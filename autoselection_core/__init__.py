"""AutoSelection: searches data curation recipes over a fixed pool of instruction data."""

import os

# Idle threads of an OpenMP team spin, by default for milliseconds. Beside any other busy process they then
# take the processor from the threads that they wait for, and training becomes many times slower. Microseconds
# serve as well. torch reads this as it is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
