"""The benchmarks behind scripts/bench: measured in processes of their own, never run as tests."""
