"""READS: the reader library for services; nothing of the server.

async with Client(["checkout"], defaults={"checkout": "us-east"}) as controlplane:
    if controlplane.active_region("checkout") == my_region:
        ...
"""

from controlplane.client.follower import DocumentFollower
from controlplane.client.reader import Client

__all__ = ["Client", "DocumentFollower"]
