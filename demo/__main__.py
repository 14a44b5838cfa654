"""The command `python -m demo`, which `make demo` runs."""

import os
import sys

from autoselection_core.errors.base import AutoSelectionError
from demo.run import run

_BAD_INPUT, _INTERRUPTED = 2, 130


def main() -> int:
    """Run the demo; the exit code says how it ended."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        run()
    except AutoSelectionError as error:
        print(f"error: {error}", file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, and `make demo` goes on from there", file=sys.stderr)
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
