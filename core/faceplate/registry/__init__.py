"""What models there are: one manifest a model, found in the model folders, verified before it is parsed."""
