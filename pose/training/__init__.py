"""Training of pose networks: annotated images in, a model folder out. Nothing outside of this room imports it."""
