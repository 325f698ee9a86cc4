"""The operator's desk: what waits, the search over everything, and the page of a customer.

It is in the composition root, because it shows what all apps have.
"""
