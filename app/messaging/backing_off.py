"""Waiting longer the more often something failed."""


def back_off(failures: int, *, first: float, longest: float) -> float:
    """Seconds before the next try, after that many failures in a row (at least one): doubled each
    time."""
    # Bounded before the power is taken: a long outage counts into the thousands.
    return min(first * 2.0 ** min(failures - 1, 60), longest)
