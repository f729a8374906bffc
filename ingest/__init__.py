"""Room: ingest."""
