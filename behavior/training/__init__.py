"""From labelled clips to a model and the figures that say how far to trust it."""
