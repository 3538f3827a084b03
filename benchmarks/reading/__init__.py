"""What a reader waits for, measured in a real browser on the real server (docs/benchmarks.md)."""
