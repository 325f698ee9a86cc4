"""Stand-ins for services outside this house, for `make run` and the tests.

The product never imports them: it talks to them by their address, as it does to the real ones.
"""
