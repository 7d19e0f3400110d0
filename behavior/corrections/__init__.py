"""Corrections by hand: who is who."""
