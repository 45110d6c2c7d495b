"""Proof by removal: every defence in docs/safety.md is taken away, and its tests must fail."""
