import sys

from app.composition.command_line import main

sys.exit(main())
