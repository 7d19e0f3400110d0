"""From tracks to named bouts: clips, classifiers, model files, rules, smoothing."""
