"""Client for KVS, a typed key-value server.

with Client("http://127.0.0.1:8080") as client:
    client.ints.incr("visits")
"""

from ._async.client import AsyncClient
from ._async.feed import AsyncFeed
from ._async.listing import AsyncListing
from ._batch import Batch
from ._core.batch import Pending
from ._core.options import ANY, KEEP, ChangedTtl, Etags, Keep, Ttl
from ._core.values import Value
from ._errors import (
    ConditionFailed,
    Forbidden,
    Gone,
    InvalidRequest,
    KvsError,
    LimitReached,
    NoLog,
    NoLongerKept,
    NoResponse,
    NotRepresentable,
    NotSent,
    OutcomeUnknown,
    Overflow,
    Problem,
    Refused,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
)
from ._feed import Change, MapPatch, SetPatch, Step
from ._results import (
    Entry,
    Found,
    Incremented,
    Listed,
    MapChange,
    Place,
    Put,
    SetChange,
    Written,
)
from ._sync.client import Client
from ._sync.feed import Feed
from ._sync.listing import Listing
from ._version import __version__

__all__ = [
    "ANY",
    "KEEP",
    "AsyncClient",
    "AsyncFeed",
    "AsyncListing",
    "Batch",
    "Change",
    "ChangedTtl",
    "Client",
    "ConditionFailed",
    "Entry",
    "Etags",
    "Feed",
    "Forbidden",
    "Found",
    "Gone",
    "Incremented",
    "InvalidRequest",
    "Keep",
    "KvsError",
    "LimitReached",
    "Listed",
    "Listing",
    "MapChange",
    "MapPatch",
    "NoLog",
    "NoLongerKept",
    "NoResponse",
    "NotRepresentable",
    "NotSent",
    "OutcomeUnknown",
    "Overflow",
    "Pending",
    "Place",
    "Problem",
    "Put",
    "Refused",
    "SetChange",
    "SetPatch",
    "Step",
    "TooLarge",
    "Ttl",
    "Unauthorized",
    "Unavailable",
    "UnexpectedResponse",
    "Value",
    "Written",
    "__version__",
]
