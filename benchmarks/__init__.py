"""Measurements: never part of the tests, each run by its own command."""
