# For control processes: everything below the prefix, and the catalog for services that register themselves.
key_prefix "controlplane/" { policy = "write" }
service_prefix "" { policy = "read" }
node_prefix "" { policy = "read" }
