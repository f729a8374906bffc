"""How does a person see it? Maps that need no network."""
