"""Platforms as the product sees them: one module per vendor, each behind the ports of the core."""
