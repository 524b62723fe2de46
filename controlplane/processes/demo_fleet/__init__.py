"""Owns the simulated fleet of the demo: real processes and sockets, real readers, and faults on demand.

runner ──stdin, stdout──▶ cell process (one service in one region, 5 instances, one `controlplane.client`)
  ▲ HTTP, bearer secret                    ▲ probes        ▲ documents from Consul
chaos                                   prober           Consul
"""
