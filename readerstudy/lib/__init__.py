"""Helpers that know no model: database server, broker, processes, progress."""
