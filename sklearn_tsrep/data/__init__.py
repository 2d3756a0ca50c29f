"""From the user's containers to what a network is trained on."""

from sklearn_tsrep.data.containers import from_long_frame

__all__ = ["from_long_frame"]
