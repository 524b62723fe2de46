# For the probers of the vantage `eu-1`: what they see, which definitions are current, and what has been published,
# so that they can tell who has applied it. One policy per vantage, so that no vantage can speak for another.
key_prefix "controlplane/vantage/eu-1/" { policy = "write" }
key "controlplane/registry" { policy = "read" }
key_prefix "controlplane/failover/" { policy = "read" }
key_prefix "controlplane/switches/" { policy = "read" }
