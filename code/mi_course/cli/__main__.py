"""`python -m mi_course.cli`: the command where it is not installed."""

import sys

from mi_course.cli import main

sys.exit(main())
