"""A demo of an OpenAI-compatible server, for `make run` and tests: it has no model behind it."""
