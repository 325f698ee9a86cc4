"""Money: order forms, charges, periods. Billing knows nothing of lots; it charges what it is told."""
