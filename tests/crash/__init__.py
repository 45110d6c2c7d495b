"""Killing the product at every effect boundary, and running it again."""
