"""Makers of what tests need, by subject."""
