# For services: documents and plain values, to read.
key_prefix "controlplane/failover/" { policy = "read" }
key_prefix "controlplane/values/" { policy = "read" }
