"""Statistics on arrays: numbers in, frozen results out. Nothing here knows what a reader, an arm or a report is."""
