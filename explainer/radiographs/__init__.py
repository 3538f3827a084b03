"""Radiographs: from a file to grey values and geometry, for the eye and for the classifier alike."""
