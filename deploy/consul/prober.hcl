# For the probers of the vantage `eu-1`: what they see, and which definitions are current. One policy per vantage,
# so that no vantage can speak for another.
key_prefix "controlplane/vantage/eu-1/" { policy = "write" }
key "controlplane/registry" { policy = "read" }
