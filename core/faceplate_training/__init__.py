"""Recipes: one folder per model, and the training code they share. Needs the `train` extra; imported by nobody."""
