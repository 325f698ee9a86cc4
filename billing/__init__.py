"""Money: order forms, charges, periods. Billing knows no lots; it charges what it is told."""
