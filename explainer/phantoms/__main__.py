"""`python -m explainer.phantoms`, the same as `python -m explainer phantoms`."""

import sys

from explainer.phantoms.write import main

sys.exit(main())
