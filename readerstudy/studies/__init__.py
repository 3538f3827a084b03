"""Studies: protocol, images, predictions, selection of cases, members."""
