"""What Customer Service refuses, whatever it is about."""

from ports.errors import Refusal


class CustomerServiceError(Refusal):
    """A rule of Customer Service said no."""
