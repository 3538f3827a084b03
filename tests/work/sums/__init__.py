"""A fourth kind of leased work, as an app would declare one: sums of numbers."""
