"""The coordinator's desk: one page per study, from its pool of images to its readers, and a page per case."""
