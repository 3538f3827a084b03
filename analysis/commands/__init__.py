"""The command line, one module per command of `python -m analysis`."""
