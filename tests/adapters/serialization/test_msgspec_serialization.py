from dataclasses import dataclass

import pytest

from adapters.serialization.msgspec_serialization import MsgspecSerialization
from ports.errors import ConversionFailed
from tests.suites.serialization_samples import Address
from tests.suites.serialization_suite import SerializationSuite


class TestMsgspecSerialization(SerializationSuite):
    @pytest.fixture
    def serialization(self) -> MsgspecSerialization:
        return MsgspecSerialization()


@dataclass(frozen=True)
class Box:
    inside: "Box | None" = None


@dataclass(frozen=True)
class Mixed:
    value: int | str


@pytest.mark.parametrize("contract", [False, True])
def test_a_codec_is_prepared_once_for_each_class(contract: bool) -> None:
    serialization = MsgspecSerialization()

    first = serialization.codec(Address, contract=contract)

    assert serialization.codec(Address, contract=contract) is first
    assert serialization.codec(Address, contract=not contract) is not first


def test_a_stored_message_may_contain_its_own_kind() -> None:
    codec = MsgspecSerialization().codec(Box, contract=False)
    boxes = Box(Box(Box()))

    assert codec.decode(codec.encode(boxes)) == boxes


@pytest.mark.parametrize("contract", [Box, Mixed, dict])
def test_a_contract_that_no_schema_can_describe_is_refused_at_start(contract: type) -> None:
    with pytest.raises(ConversionFailed):
        MsgspecSerialization().codec(contract, contract=True)
