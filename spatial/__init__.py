"""What follows from it? The engine: pure functions over frames, and the law as data."""
