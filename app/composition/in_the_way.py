"""What is wrong with the machine rather than with us."""

from ports.errors import ThicketError


class CannotRun(ThicketError):
    """Something on this machine is in the way; the message says what, and what to do."""
