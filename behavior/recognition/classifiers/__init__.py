"""Action classifiers: one contract, one battery of tests."""
