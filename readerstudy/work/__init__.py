"""Leased work: rows that workers compute, each held by one of them at a time; what is computed, other apps say."""
