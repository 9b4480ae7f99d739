"""Settings of a client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Final, Union

import httpx

from .._version import __version__

if TYPE_CHECKING:
    from .call import Call

Verify = Union[bool, str, "PathLike[str]", ssl.SSLContext]
"""`True`; the file of a CA; a context of one's own; `False`, which lets anybody read along."""

FilePath = Union[str, "PathLike[str]"]

Cert = Union[FilePath, tuple[FilePath, FilePath], tuple[FilePath, FilePath, str]]
"""The file of a client certificate with its key; or its file, the file of its key, and perhaps the password."""

DEFAULT_URL: Final = "http://127.0.0.1:8080"

DEFAULT_RETRIES: Final = 2

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class Settings:
    """What every request of a client has in common."""

    base_url: str
    headers: dict[str, str]
    retries: int
    idempotency: bool

    @classmethod
    def of(cls, base_url: str, token: str | None, retries: int, *, idempotency: bool) -> Settings:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"expected a base URL such as {DEFAULT_URL}, not {base_url!r}")
        if retries < 0:
            raise ValueError(f"retries: expected 0 or more, not {retries}")
        headers = {"User-Agent": f"kvs-client/{__version__}"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return cls(base_url.rstrip("/"), headers, retries, idempotency)

    def url(self, call: Call[Any]) -> str:
        return self.base_url + call.path


def ssl_context(verify: Verify, cert: Cert | None) -> ssl.SSLContext | bool:
    """What httpx is to verify with."""
    if isinstance(verify, ssl.SSLContext):
        if cert is not None:
            raise ValueError("cert: load it into the context that verify is")
        return verify
    if isinstance(verify, bool):
        if cert is None:
            return verify
        context = httpx.create_ssl_context(verify=verify)
    else:
        context = ssl.create_default_context(cafile=fspath(verify))
    if isinstance(cert, tuple):
        context.load_cert_chain(*cert)
    elif cert is not None:
        context.load_cert_chain(cert)
    return context
