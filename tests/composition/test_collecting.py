import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from app.composition.collecting import spare_what_stays


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_was_made_so_far_is_looked_through_no_more() -> None:
    made = [[number] for number in range(1000)]

    spare_what_stays()

    looked_through = {id(one) for one in gc.get_objects()}
    assert not looked_through & {id(one) for one in made}


def test_what_nobody_can_reach_any_more_is_not_kept_for_it() -> None:
    class Circle:
        def __init__(self) -> None:
            self.itself = self

    gc.disable()
    try:
        lost = ref(Circle())
        assert lost() is not None

        spare_what_stays()
    finally:
        gc.enable()

    assert lost() is None
