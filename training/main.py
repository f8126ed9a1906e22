"""`python -m training.main RECIPE …` is `newsurge train RECIPE …`, for torchrun to start.

torchrun --nproc-per-node 2 -m training.main RECIPE --data DIR -o OUT
"""

from __future__ import annotations

import sys

from monitor.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["train"]
    main()
