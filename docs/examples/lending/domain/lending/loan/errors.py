"""What a loan refuses."""

from ports.errors import Refusal


class DeviceIsNotNamed(Refusal):
    def __init__(self, loan_id: str) -> None:
        super().__init__(f"loan {loan_id} does not say which device is lent")
        self.loan_id = loan_id
