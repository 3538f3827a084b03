"""A report as one document for people."""
