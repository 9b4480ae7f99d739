"""Carries out calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx

from .._core.retry import Attempts
from .._errors import KvsError

if TYPE_CHECKING:
    from .._core.call import Call
    from .._core.settings import Settings

T = TypeVar("T")


class AsyncConnection:
    """Carries out calls over an httpx client."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self.settings = settings
        self.http = http

    async def run(self, call: Call[T]) -> T:
        """The result of a call, after as many attempts as it may have."""
        attempts = Attempts(call.with_key() if self.settings.idempotency else call, self.settings.retries)
        while True:
            try:
                return attempts.call.read(await self._send(attempts.call))
            except (KvsError, httpx.RequestError, httpx.InvalidURL) as error:
                await anyio.sleep(attempts.pause(error))

    async def open(self, call: Call[T], silence: float) -> tuple[httpx.Response, T]:
        """The response to one attempt, whose body is still to be read, and what its head means.

        The body may be silent for so many seconds.
        """
        usual = self.http.timeout
        timeout = httpx.Timeout(connect=usual.connect, read=silence, write=usual.write, pool=usual.pool)
        request = self.http.build_request(
            call.method,
            self.settings.url(call),
            headers={**self.settings.headers, **call.headers},
            timeout=timeout,
        )
        response = await self.http.send(request, stream=True, follow_redirects=False)
        try:
            if not response.is_success:
                await response.aread()
            return response, call.read(response)
        except BaseException:
            await response.aclose()
            raise

    async def _send(self, call: Call[Any]) -> httpx.Response:
        return await self.http.request(
            call.method,
            self.settings.url(call),
            headers={**self.settings.headers, **call.headers},
            content=call.content,
            follow_redirects=False,
        )
