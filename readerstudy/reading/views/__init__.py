"""Pages of a reader, and where the rating page sends what it was given, a module per subject."""
