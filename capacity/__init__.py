"""The product: catalogue, pools, lots, cancellations, and the opening of a day."""
