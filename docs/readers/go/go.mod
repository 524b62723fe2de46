module controlplane/reader

go 1.19
