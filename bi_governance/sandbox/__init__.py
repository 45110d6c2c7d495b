"""Loopback servers that speak the vendors' HTTP, a synthetic estate with known truth, and a clock."""
