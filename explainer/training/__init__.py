"""Training and evaluation of the small classifiers and autoencoders that ship with the project."""
