from datetime import timedelta

import pytest

from adapters.sql_broker.errors import BrokerMisconfigured
from adapters.sql_broker.options import BrokerOptions


def test_without_options_a_killed_process_costs_half_a_minute_at_most() -> None:
    assert BrokerOptions.from_transport_options({}).lease == timedelta(seconds=30)


def test_each_option_has_its_unit_in_its_name() -> None:
    options = BrokerOptions.from_transport_options(
        {
            "lease_seconds": 5,
            "poll_interval_ms": 10,
            "sweep_interval_ms": 250,
            "busy_timeout_ms": 1500,
            "cleanup_interval_seconds": 60,
            "claim_limit": 20,
        }
    )

    assert options == BrokerOptions(
        lease=timedelta(seconds=5),
        poll_interval=timedelta(milliseconds=10),
        sweep_interval=timedelta(milliseconds=250),
        busy_timeout=timedelta(seconds=1.5),
        cleanup_interval=timedelta(minutes=1),
        claim_limit=20,
    )


def test_options_meant_for_kombu_are_left_alone() -> None:
    assert BrokerOptions.from_transport_options({"max_retries": 3}) == BrokerOptions()


@pytest.mark.parametrize("value", [0, -1, "30", None, True])
def test_a_lease_that_is_no_positive_number_is_refused(value: object) -> None:
    with pytest.raises(BrokerMisconfigured, match="lease_seconds"):
        BrokerOptions.from_transport_options({"lease_seconds": value})
