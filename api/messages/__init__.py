"""The entries of the message catalogue; read by ``api.catalogue``."""
