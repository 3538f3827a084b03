"""Readers of data sets' tables, without torch: what a row says of an image."""
