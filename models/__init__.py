"""What do we know? Tables, sessions, migrations, the embedded PostGIS cluster, queries that return frames."""
