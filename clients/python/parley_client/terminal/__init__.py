"""For people at a terminal, and for shell scripts. `parley` lends it its command line."""
