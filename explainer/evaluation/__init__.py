"""Measures of explanations."""
