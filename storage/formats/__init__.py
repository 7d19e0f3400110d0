"""Other programs' files: `keypoints` in and out, `labels` of humans in and bouts out."""
