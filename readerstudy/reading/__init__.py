"""The reading room: allocation, periods, readings, answers."""
