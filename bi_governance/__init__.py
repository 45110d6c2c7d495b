"""bi-governance: find, warn about, and safely delete BI content nobody uses."""

__version__ = "0.1.0"
