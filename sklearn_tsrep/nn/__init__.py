"""Torch modules, one network a method. They know nothing of scikit-learn."""
