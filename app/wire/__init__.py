"""What crosses the network: frames, bodies, errors. Pure; turns values into bytes and back."""
