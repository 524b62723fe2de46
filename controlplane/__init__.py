"""Health checks, region failover and degradation switches, published through Consul KV."""
