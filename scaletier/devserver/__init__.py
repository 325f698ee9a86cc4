"""What only `make run` and the tests need: engines, supervision, a Stripe, demo data."""
