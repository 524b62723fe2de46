"""READS: the reader library for services; nothing of the server.

async with Client(["checkout"], service="checkout", region=my_region) as controlplane:
    if controlplane.active_region("checkout") == my_region:
        depth = controlplane.value("search-depth", default=3)

`SyncClient` is the same for services without an event loop; `testing.FakeClient` is the same for their tests.
"""

from controlplane.client.changes import Change
from controlplane.client.face import Face
from controlplane.client.middleware import applied_asgi, applied_wsgi
from controlplane.client.reader import Client
from controlplane.client.threaded import SyncClient

__all__ = ["Change", "Client", "Face", "SyncClient", "applied_asgi", "applied_wsgi"]
