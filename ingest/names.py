"""Names of places as they are compared."""

import unicodedata


def fold_name(name: str) -> str:
    """A name as names are compared: half-width, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()
