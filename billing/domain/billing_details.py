"""Who an invoice is made out to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Customer:
    """The billing details on an invoice; an empty text is one that the customer did not give.

    `address` has a line break between its lines, `country` is an ISO code of two letters.
    """

    name: str
    address: str = ""
    country: str = ""
    tax_id: str = ""
    email: str = ""
    purchase_order: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the details stored with an invoice. One of an earlier version has less."""
        return cls(**{name: document.get(name, "") for name in FIELDS})

    def document(self) -> dict[str, str]:
        """Return the details as they are stored with an invoice."""
        return asdict(self)


FIELDS = tuple(field.name for field in fields(Customer))
