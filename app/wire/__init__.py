"""What crosses the network: frames, bodies, errors. Pure: converts between values and bytes."""
