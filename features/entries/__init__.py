"""The features that Posescribe ships, by subject; importing a module enters its features into the catalogue."""
