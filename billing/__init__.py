"""Money: order forms, charges, invoices, payments. Billing knows no lots."""
