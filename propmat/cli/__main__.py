"""``python -m propmat.cli`` is ``propmat``."""

import sys

from propmat.cli.main import main

sys.exit(main())
