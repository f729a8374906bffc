"""One module for each family of addresses. A route parses, calls and shapes; nothing more."""
