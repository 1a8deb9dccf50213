"""
The browser client: ES modules, served as they are, without a build step.

``app.api.docs`` serves these files. ``package.json`` only tells Node, which
runs the tests of the pure modules, that they are ES modules.
"""
