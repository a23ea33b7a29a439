"""Memory that Python's collector leaves alone."""

import gc


def spare_what_stays() -> None:
    """What was made so far stays as long as the process: modules, declarations, compiled handlers.
    Looking through all of it would stop every thread for tens of milliseconds, again and again."""
    gc.collect()
    gc.freeze()
