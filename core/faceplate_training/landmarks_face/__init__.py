"""The 68-point landmark net, trained on renders and London photos."""
