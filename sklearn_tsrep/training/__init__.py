"""The engine: one skorch net for all methods, and what surrounds it."""
