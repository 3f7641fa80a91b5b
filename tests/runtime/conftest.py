"""What the tests of the FastAPI service share: the provider's stand-in and a service that asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stand_in_process
from agent_service import Service, running, settings
from runtime_python import runtime_python
from stand_in_process import StandIn


@pytest.fixture(scope="session")
def provider_process() -> Iterator[StandIn]:
    """The stand-in, for fixtures that only need its address."""
    with stand_in_process.running(runtime_python()) as stand_in:
        yield stand_in


@pytest.fixture
def provider(provider_process: StandIn) -> Iterator[StandIn]:
    """The provider's stand-in, as it behaves when nothing is said."""
    provider_process.forget()
    yield provider_process
    provider_process.forget()


@pytest.fixture(scope="session")
def service_process(provider_process: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One running service; what a test needs of it it lets it `adopt`."""
    with running(tmp_path_factory.mktemp("service"), settings(provider_process.url)) as service:
        yield service
