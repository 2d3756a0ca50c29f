"""Pure functions of tensors, and the objectives that combine them."""
