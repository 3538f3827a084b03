"""Figures of a report, drawn from its tables."""
