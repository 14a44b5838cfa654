"""AutoSelection: searches data curation recipes over a fixed pool of instruction data."""

import os

# Idle threads of an OpenMP team spin by default. Beside any other busy process they then take the processor
# from the threads that they wait for: training becomes many times slower. torch reads this as it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
