"""A store of web sessions, which end when they are not used for a while."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from kvs_client import ANY, Client


class SessionStore:
    """Sessions are maps. Their expiry is set anew whenever they are used."""

    def __init__(self, client: Client, lifetime: timedelta) -> None:
        self.client = client
        self.lifetime = lifetime

    def begin(self, user: str) -> str:
        session = f"session_{secrets.token_urlsafe(32)}"
        self.client.maps.put(session, {"user": user}, ttl=self.lifetime, if_none_match=ANY)
        return session

    def use(self, session: str) -> dict[str, str] | None:
        """What the session knows; `None` if it has ended. Puts off its end, in the same step."""
        with self.client.batch() as batch:
            batch.maps.touch(session, self.lifetime)
            found = batch.maps.get(session)
        entry = found.result()
        return entry.value if entry else None

    def remember(self, session: str, field: str, text: str) -> None:
        """Change one field. The condition keeps a session that has ended from coming back without expiry."""
        self.client.maps.put_field(session, field, text, if_match=ANY)

    def end(self, session: str) -> None:
        self.client.maps.delete(session)


def main() -> None:
    with Client(os.environ.get("KVS_URL", "http://127.0.0.1:8080")) as client:
        store = SessionStore(client, timedelta(minutes=30))
        session = store.begin("ada")
        store.remember(session, "language", "en")
        assert store.use(session) == {"user": "ada", "language": "en"}
        entry = client.maps.entry(session)
        assert entry is not None
        assert entry.expires_at is not None, "changing a field keeps the expiry"
        store.end(session)
        assert store.use(session) is None

        short = SessionStore(client, timedelta(milliseconds=50))
        session = short.begin("grace")
        while client.maps.exists(session):  # `use` would put off the end
            pass
        assert short.use(session) is None, "it has ended by itself"
        print("a session that is used goes on, and one that is not ends by itself")


if __name__ == "__main__":
    main()
