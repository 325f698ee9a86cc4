"""A small HTTP server with the part of Stripe's API that the product uses. No money moves.

It has

- customers and invoices, with all fields of Stripe's own objects;
- idempotency keys, which replay the stored response, reject other parameters, and expire;
- lists with a cursor, and errors in Stripe's JSON;
- signed webhooks, and a hosted invoice page with a Pay button;
- under `/_control/`, with a key: fault injection and a clock that can be moved.
"""
