"""Unmasking what clients send (RFC 6455, section 5.3), in C where websockets has it."""

try:
    from websockets.speedups import apply_mask
except ImportError:  # slower, not different
    from websockets.utils import apply_mask

__all__ = ["apply_mask"]
