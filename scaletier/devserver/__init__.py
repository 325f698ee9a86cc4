"""What only `make run` and tests need: engines, process supervision, a Stripe, demo data."""
