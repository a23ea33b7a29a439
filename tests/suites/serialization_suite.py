"""What every serialization owes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings

from ports.errors import ConversionFailed
from ports.messages import JSON
from ports.outbound.serialization import Serialization
from tests.suites.serialization_samples import (
    PARCEL,
    Address,
    HoldsNotPlain,
    Item,
    Limited,
    NotPlain,
    OnlyStored,
    ParcelId,
    ParcelWasSent,
    RefusesItself,
    Size,
    Speed,
    parcels,
)


def _every_parcel(test: Any) -> Any:
    # One serialization may serve all examples: it remembers nothing but prepared codecs.
    quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    return quiet(given(parcel=parcels)(test))


class SerializationSuite:
    """A subclass provides ``serialization``."""

    @pytest.fixture
    def serialization(self) -> Serialization:
        raise NotImplementedError("a subclass provides the implementation under test")

    @pytest.mark.parametrize("contract", [False, True])
    @_every_parcel
    def test_what_was_encoded_is_decoded_to_the_same(
        self, serialization: Serialization, contract: bool, parcel: ParcelWasSent
    ) -> None:
        codec = serialization.codec(ParcelWasSent, contract=contract)

        assert codec.decode(codec.encode(parcel)) == parcel

    @pytest.mark.parametrize("contract", [False, True])
    def test_decoded_fields_have_the_declared_types(
        self, serialization: Serialization, contract: bool
    ) -> None:
        codec = serialization.codec(ParcelWasSent, contract=contract)

        decoded = codec.decode(codec.encode(PARCEL))

        assert decoded == PARCEL
        assert type(decoded.items) is tuple
        assert type(decoded.items[0]) is Item
        assert type(decoded.items[0].price) is Decimal
        assert type(decoded.tags) is list
        assert decoded.size is Size.LARGE
        assert decoded.sent_at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize("contract", [False, True])
    def test_the_content_type_is_json_and_it_is_json(
        self, serialization: Serialization, contract: bool
    ) -> None:
        codec = serialization.codec(ParcelWasSent, contract=contract)

        assert codec.content_type == JSON
        document = json.loads(codec.encode(PARCEL))
        assert document["parcel_id"] == "p-1"
        assert document["speed"] == "express"
        assert document["size"] == 2
        assert document["items"][0]["price"] == "0.30"

    def test_plain_and_contract_codecs_understand_each_other(
        self, serialization: Serialization
    ) -> None:
        plain = serialization.codec(ParcelWasSent, contract=False)
        contract = serialization.codec(ParcelWasSent, contract=True)

        assert contract.decode(plain.encode(PARCEL)) == PARCEL
        assert plain.decode(contract.encode(PARCEL)) == PARCEL

    def test_stored_messages_may_hold_more_kinds_of_values(
        self, serialization: Serialization
    ) -> None:
        codec = serialization.codec(OnlyStored, contract=False)
        payload = OnlyStored(
            delay=timedelta(days=1, microseconds=5),
            counts={"a": 1},
            either="text",
            codes=frozenset({1, 2}),
        )

        assert codec.decode(codec.encode(payload)) == payload

    @pytest.mark.parametrize(
        ("payload_type", "payload"),
        [(dict, {"a": [1, None, {"b": "c"}]}), (list, [1, "a"]), (str, "text"), (int, 7)],
    )
    def test_plain_values_need_no_class(
        self, serialization: Serialization, payload_type: type, payload: object
    ) -> None:
        codec = serialization.codec(payload_type, contract=False)

        assert codec.decode(codec.encode(payload)) == payload

    @pytest.mark.parametrize("contract", [False, True])
    def test_unknown_fields_are_ignored(self, serialization: Serialization, contract: bool) -> None:
        codec = serialization.codec(Address, contract=contract)

        decoded = codec.decode(b'{"street":"a","planet":"Earth","city":"b"}')

        assert decoded == Address(street="a", city="b")

    @pytest.mark.parametrize("contract", [False, True])
    def test_a_missing_field_gets_its_default(
        self, serialization: Serialization, contract: bool
    ) -> None:
        codec = serialization.codec(Address, contract=contract)

        assert codec.decode(b'{"street":"a"}') == Address(street="a", city="Hamburg")

    @pytest.mark.parametrize("contract", [False, True])
    def test_a_missing_field_without_a_default_is_named(
        self, serialization: Serialization, contract: bool
    ) -> None:
        codec = serialization.codec(Address, contract=contract)

        with pytest.raises(ConversionFailed, match="street"):
            codec.decode(b'{"city":"b"}')

    @pytest.mark.parametrize("contract", [False, True])
    @pytest.mark.parametrize(
        ("field_name", "value"),
        [
            ("parcel_id", 1),
            ("parcel_id", None),
            ("sent_at", "yesterday"),
            ("sent_at", 17),
            ("sent_at", "2026-01-05T09:00:00"),
            ("weight", "2.5"),
            ("weight", True),
            ("pieces", "3"),
            ("pieces", 3.5),
            ("pieces", True),
            ("insured", "true"),
            ("insured", 1),
            ("speed", "slower"),
            ("size", 3),
            ("size", "1"),
            ("weekday", "MONDAY"),
            ("reference", "not-a-uuid"),
            ("due", "2026-13-01"),
            ("label", "green"),
            ("note", 1),
            ("address", "Löwenstraße"),
            ("address", {"city": "Ulm"}),
            ("items", {"name": "egg"}),
            ("items", [{"name": "egg", "price": "cheap"}]),
            ("items", [None]),
            ("tags", "abc"),
            ("tags", [1]),
            ("tags", {"a": 1}),
            ("corner", [1]),
            ("corner", ["1", "left"]),
        ],
    )
    def test_a_wrong_value_is_refused_and_its_field_named(
        self, serialization: Serialization, contract: bool, field_name: str, value: object
    ) -> None:
        codec = serialization.codec(ParcelWasSent, contract=contract)
        document = json.loads(codec.encode(PARCEL))
        document[field_name] = value

        with pytest.raises(ConversionFailed, match=field_name) as refused:
            codec.decode(json.dumps(document).encode())

        assert refused.value.target == "ParcelWasSent"

    @pytest.mark.parametrize("contract", [False, True])
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b"17",
            b'"text"',
            b"\xff\xfe",
            b'{"street":"\\ud800"}',
            b'{"street":"\xff"}',
            b'{"street":' * 100_000,
            b"[" * 100_000,
        ],
        ids=lambda data: repr(data[:20]),
    )
    def test_what_is_no_such_document_is_refused(
        self, serialization: Serialization, contract: bool, data: bytes
    ) -> None:
        codec = serialization.codec(Address, contract=contract)

        with pytest.raises(ConversionFailed):
            codec.decode(data)

    @pytest.mark.parametrize("contract", [False, True])
    @pytest.mark.parametrize(
        "unfit",
        [
            replace(PARCEL, sent_at=datetime(2026, 1, 5)),  # noqa: DTZ001
            replace(PARCEL, weight=float("nan")),
            replace(PARCEL, weight=float("inf")),
            replace(PARCEL, note="\ud800"),
            replace(PARCEL, parcel_id=NotPlain()),  # type: ignore[arg-type]
        ],
        ids=["no time zone", "not a number", "infinite", "half a character", "no plain value"],
    )
    def test_what_could_not_be_decoded_is_not_encoded(
        self, serialization: Serialization, contract: bool, unfit: ParcelWasSent
    ) -> None:
        codec = serialization.codec(ParcelWasSent, contract=contract)

        with pytest.raises(ConversionFailed):
            codec.encode(unfit)

    @pytest.mark.parametrize("contract", [False, True])
    def test_a_class_that_refuses_its_values_is_heard(
        self, serialization: Serialization, contract: bool
    ) -> None:
        codec = serialization.codec(RefusesItself, contract=contract)

        with pytest.raises(ConversionFailed, match="a width is not negative"):
            codec.decode(b'{"width":-1}')

    @pytest.mark.parametrize("contract", [False, True])
    @pytest.mark.parametrize("payload_type", [NotPlain, HoldsNotPlain])
    def test_a_class_that_cannot_be_converted_is_refused_at_start(
        self, serialization: Serialization, contract: bool, payload_type: type
    ) -> None:
        with pytest.raises(ConversionFailed):
            serialization.codec(payload_type, contract=contract)

    @pytest.mark.parametrize(
        "limited",
        [
            Limited(),
            Limited(subject="12345", level="high", share=1.0, tags=["a", "bb", ""]),
            Limited(share=0, nickname="12345"),
        ],
    )
    def test_a_contract_lets_pass_what_keeps_its_limits(
        self, serialization: Serialization, limited: Limited
    ) -> None:
        codec = serialization.codec(Limited, contract=True)

        assert codec.decode(codec.encode(limited)) == limited

    @pytest.mark.parametrize(
        ("document", "field_name"),
        [
            ({"subject": "123456"}, "subject"),
            ({"subject": ""}, "subject"),
            ({"level": "middle"}, "level"),
            ({"share": 1.5}, "share"),
            ({"share": -0.1}, "share"),
            ({"tags": ["abc"]}, "tags"),
            ({"tags": ["a", "b", "c", "d"]}, "tags"),
            ({"nickname": "123456"}, "nickname"),
        ],
    )
    def test_a_contract_refuses_what_breaks_its_limits(
        self, serialization: Serialization, document: dict[str, object], field_name: str
    ) -> None:
        codec = serialization.codec(Limited, contract=True)

        with pytest.raises(ConversionFailed, match=field_name):
            codec.decode(json.dumps(document).encode())

    def test_a_contract_names_all_wrong_fields_at_once(self, serialization: Serialization) -> None:
        codec = serialization.codec(ParcelWasSent, contract=True)
        document = json.loads(codec.encode(PARCEL))
        document["pieces"] = "three"
        document["items"][1]["price"] = "cheap"
        del document["weight"]

        with pytest.raises(ConversionFailed) as refused:
            codec.decode(json.dumps(document).encode())

        for name in ("pieces", "items.1.price", "weight"):
            assert name in str(refused.value)

    def test_a_contract_that_breaks_its_own_limits_does_not_leave(
        self, serialization: Serialization
    ) -> None:
        codec = serialization.codec(Limited, contract=True)

        with pytest.raises(ConversionFailed, match="subject"):
            codec.encode(Limited(subject="too long a subject"))

    @pytest.mark.parametrize(
        ("value", "target", "converted"),
        [
            ("5", int, 5),
            (5, int, 5),
            ("2.5", float, 2.5),
            ("true", bool, True),
            (False, bool, False),
            ("text", str, "text"),
            (5, str, "5"),
            (True, str, "true"),
            ("null", str, "null"),
            ("5", int | None, 5),
            ("express", Speed, Speed.EXPRESS),
            (2, Size, Size.LARGE),
            ("12.30", Decimal, Decimal("12.30")),
            ("2026-01-05T09:00:00Z", datetime, datetime(2026, 1, 5, 9, tzinfo=UTC)),
            (PARCEL.sent_at, datetime, PARCEL.sent_at),
            ("2026-01-05", date, date(2026, 1, 5)),
            (
                "019b8d2a-0000-7000-8000-000000000001",
                UUID,
                UUID("019b8d2a-0000-7000-8000-000000000001"),
            ),
            ("p-1", ParcelId, "p-1"),
        ],
    )
    def test_a_header_becomes_what_a_handler_asks_for(
        self, serialization: Serialization, value: object, target: Any, converted: object
    ) -> None:
        result = serialization.convert(value, target)

        assert result == converted
        assert type(result) is type(converted)

    @pytest.mark.parametrize(
        ("value", "target"),
        [
            ("five", int),
            ("2.5", int),
            ("maybe", bool),
            ("slower", Speed),
            ("yesterday", datetime),
            ("2026-01-05T09:00:00", datetime),
            ("x", UUID),
            ("x", NotPlain),
        ],
    )
    def test_a_header_that_does_not_fit_is_refused(
        self, serialization: Serialization, value: object, target: Any
    ) -> None:
        with pytest.raises(ConversionFailed):
            serialization.convert(value, target)
