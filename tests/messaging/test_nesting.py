from typing import Any

import pytest

from app.testing.flow import Flow
from tests.messaging.nesting import MakeFlow, NestingTests


class TestNestingInMemory(NestingTests):
    @pytest.fixture
    def make_flow(self) -> MakeFlow:
        def make(**options: Any) -> Flow:
            return Flow(**options)

        return make
