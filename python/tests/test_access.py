"""Tokens, TLS, and clients of httpx that are brought along."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kvs_client import AsyncClient, Client, Forbidden, NotSent, Unauthorized

from .server import Server, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import MakeClient

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    identity = ("token", "new", "reader", "--scope", "read", "--types", "int")
    return run(*identity, "--identities", folder / "identities").strip()


@pytest.fixture(scope="module")
def guarded(folder: Path, token: str) -> Iterator[str]:
    assert token
    with Server(folder / "guarded", "--identities", str(folder / "identities")) as server:
        yield server.url


async def test_who_may_do_what(make: MakeClient, guarded: str, token: str) -> None:
    async with make(guarded, token=token) as client:
        assert await client.ints.get("key") is None
        assert not await client.ints.exists("key")
        with pytest.raises(Forbidden):
            await client.ints.put("key", 1)
        with pytest.raises(Forbidden):
            await client.strs.exists("key")
    for other in (None, "wrong"):
        async with make(guarded, token=other) as client:
            with pytest.raises(Unauthorized) as caught:
                await client.ints.get("key")
            assert caught.value.problem.request_id
            assert caught.value.problem.request_id in str(caught.value)


@pytest.fixture(scope="module")
def certificates(folder: Path) -> Path:
    run("certs", folder / "tls", "--server-name", "localhost")
    return folder / "tls"


@pytest.fixture(scope="module")
def secure(folder: Path, certificates: Path) -> Iterator[str]:
    files = {"--server-cert": "server.pem", "--server-key": "server.key", "--client-ca": "ca.pem"}
    arguments = [part for flag, name in files.items() for part in (flag, str(certificates / name))]
    with Server(folder / "secure", *arguments, "--require-client-cert", scheme="https") as server:
        yield server.url


async def test_certificates(make: MakeClient, secure: str, certificates: Path) -> None:
    ca, cert = certificates / "ca.pem", (certificates / "client.pem", certificates / "client.key")
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(*cert)
    together = certificates / "together.pem"
    together.write_text("".join(path.read_text() for path in cert))
    ways: list[dict[str, Any]] = [
        {"verify": ca, "cert": cert},
        {"verify": str(ca), "cert": together},
        {"verify": context},
        {"verify": False, "cert": cert},
    ]
    for way in ways:
        async with make(secure, **way) as client:
            assert (await client.ints.incr("key")).value > 0
    async with make(secure, cert=cert, retries=0) as client:
        with pytest.raises(NotSent, match="certificate"):
            await client.ints.get("key")
    with pytest.raises(ValueError, match="cert"):
        Client(verify=context, cert=cert)


async def test_what_is_no_setting() -> None:
    with pytest.raises(ValueError, match="base URL"):
        Client("localhost:8080")
    with pytest.raises(ValueError, match="retries"):
        AsyncClient(retries=-1)


async def test_a_client_of_httpx_is_used_and_left_open(url: str, key: str) -> None:
    seen: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        seen.append(request)

    async with httpx.AsyncClient(event_hooks={"request": [note]}) as theirs:
        async with AsyncClient(url + "/", http_client=theirs, token="token") as client:
            await client.ints.put(key, 1)
        assert not theirs.is_closed
    with httpx.Client(event_hooks={"request": [seen.append]}) as ours:
        with Client(url, http_client=ours) as blocking:
            assert blocking.ints.get(key) == 1
        assert not ours.is_closed
    assert [request.method for request in seen] == ["PUT", "GET"]
    assert seen[0].headers["Authorization"] == "Bearer token"
    assert seen[0].headers["User-Agent"].startswith("kvs-client/")


async def test_a_transport_is_used(url: str, key: str) -> None:
    async with AsyncClient(url, transport=httpx.AsyncHTTPTransport()) as client:
        await client.ints.put(key, 1)
    with Client("http://kvs.example", transport=httpx.HTTPTransport(proxy="http://127.0.0.1:1"), retries=0) as blocking:
        with pytest.raises(NotSent):
            blocking.ints.get(key)


async def test_closing(make: MakeClient, url: str) -> None:
    client = make(url)
    await client.ints.exists("key")
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.ints.exists("key")
