"""python -m analysis report, mrmc, agreement, power, convert; each has --help."""

import sys

from analysis.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
