"""What each role of operators may do, over all apps. It is set anew after each migration."""

from typing import Any

from accounts.operations.operator_roles import OperatorRole, keep_operator_roles

PAGES = {
    "accounts": (
        "apikey",
        "auditentry",
        "invitation",
        "membership",
        "organization",
        "outboundemail",
        "project",
        "user",
    ),
    "billing": (
        "billingaccount",
        "billingdetails",
        "charge",
        "customersync",
        "invoice",
        "invoiceline",
        "invoicepayment",
        "invoicesync",
        "modeldiscount",
        "orderform",
        "providerevent",
    ),
    "capacity": (
        "accountplan",
        "cancellation",
        "listprice",
        "lot",
        "pool",
        "purchase",
        "purchaserequest",
        "quoterequest",
        "snapshot",
        "tokenunit",
    ),
}
READ = {f"{app}.view_{model}" for app, models in PAGES.items() for model in models} | {
    "capacity.check_invariants"
}

GRANTS = {
    OperatorRole.READ_ONLY: READ,
    # New customers, their first owner, and the terms they buy on.
    OperatorRole.SALES: READ
    | {
        "accounts.add_organization",
        "accounts.change_organization",
        "accounts.add_membership",
        "billing.change_billingaccount",
        "billing.add_orderform",
        "billing.change_orderform",
        "billing.add_modeldiscount",
        "billing.change_modeldiscount",
        "billing.delete_modeldiscount",
        "capacity.add_accountplan",
        "capacity.change_accountplan",
        "capacity.change_quoterequest",
    },
    # Bank transfers, and what did not reach the payment provider or came from it.
    OperatorRole.FINANCE: READ
    | {
        "billing.change_billingaccount",
        "billing.change_customersync",
        "billing.change_invoicepayment",
        "billing.change_invoicesync",
        "billing.change_providerevent",
    },
    # People who cannot get in, and mail that did not arrive. What is sold, at which price, is for
    # superusers alone.
    OperatorRole.SUPPORT: READ
    | {
        "accounts.add_membership",
        "accounts.change_membership",
        "accounts.change_outboundemail",
        "accounts.change_user",
        "accounts.reset_second_factor",
    },
}


def keep_roles(**_: Any) -> None:
    """Keep the roles. Connected to the signal of an app that comes after all that have pages."""
    keep_operator_roles(GRANTS)
