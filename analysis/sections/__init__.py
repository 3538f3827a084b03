"""The sections of a report: what each computes from the responses, its tables, and the words that explain it."""
