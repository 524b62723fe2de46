"""READS: the reader library for services; nothing of the server."""
