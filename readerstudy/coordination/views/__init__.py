"""Pages of the coordinator, a module per subject."""
