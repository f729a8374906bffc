"""How does a messy file become rows? Readers, headers, values, validation, loading."""
