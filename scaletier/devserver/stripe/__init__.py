"""A small server that speaks as much of Stripe's HTTP as the product uses. No money moves.

Customers and invoices in the real objects' shapes; idempotency keys that replay, refuse other
parameters and expire; lists by cursor; errors in Stripe's JSON; signed webhooks; a hosted invoice
page with a Pay button; and, under `/_control/`, faults on demand and a clock that can be moved.
"""
