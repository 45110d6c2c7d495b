"""Proof by simulation, the product against the sandbox servers for thousands of days; and by removal."""
