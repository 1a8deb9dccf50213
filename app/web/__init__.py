"""
The browser client: ES modules as they are, without a build step.

Nothing here is Python. ``app.api.docs`` serves these files; ``package.json``
only tells Node, which runs the tests of the pure parts, that they are modules.
"""
