from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Callable, cast

import pytest

from kvs_client import AsyncClient, Client

from .adapter import Awaiting
from .server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MakeClient = Callable[..., AsyncClient]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that all tests share. Each uses keys of its own."""
    with Server(tmp_path_factory.mktemp("server") / "log") as server:
        yield server.url


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["blocking", "async"])
def make(request: pytest.FixtureRequest) -> MakeClient:
    """Makes clients of either kind, in the form of the one for asyncio."""

    def blocking(*args: Any, **options: Any) -> AsyncClient:
        return cast("AsyncClient", Awaiting(Client(*args, **options)))

    return blocking if request.param == "blocking" else AsyncClient


@pytest.fixture
async def kvs(make: MakeClient, url: str) -> AsyncIterator[AsyncClient]:
    async with make(url) as client:
        yield client


@pytest.fixture
def key() -> str:
    """A key that no other test has, and the prefix of more of them."""
    return f"test_{uuid.uuid4().hex}_"
