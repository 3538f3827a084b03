"""Results: tidy frames, statistics pages, exports."""
