"""Stripe's API for customers and their tax ids, and what all endpoints share."""

import re
from dataclasses import dataclass, field

from scaletier.devserver.stripe import shapes
from scaletier.devserver.stripe.errors import invalid, missing
from scaletier.devserver.stripe.form import Params, integer, reject_unknown, required
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.store import Store, new_id

PAGING = ("limit", "starting_after", "created")
CUSTOMER_PARAMS = ("address", "description", "email", "invoice_settings", "metadata", "name")
ADDRESS_PARAMS = ("city", "country", "line1", "line2", "postal_code", "state")
MAX_NAME, MAX_EMAIL = 256, 512
MAX_CUSTOM_FIELDS, MAX_FIELD_NAME, MAX_FIELD_VALUE = 4, 40, 140
MAX_TAX_IDS = 5
TAX_ID_TYPES = (
    "ad_nrt ae_trn al_tin am_tin ao_tin ar_cuit au_abn au_acn au_arn au_wpn aw_tin az_tin ba_tin "
    "bb_tin bd_bin bf_ifu bg_uic bh_vat bj_ifu bo_tin br_cnpj br_cpf bs_tin bw_vat by_tin ca_bn "
    "ca_gst_hst ca_pst_bc ca_pst_mb ca_pst_sk ca_qst cd_nif ch_uid ch_vat ci_vat cl_tin cm_niu "
    "cn_tin co_nit cr_tin cv_nif cz_dic de_stn do_rcn ec_ruc eg_tin es_cif et_tin eu_oss_vat "
    "eu_vat fo_vat fr_siren fr_siret fr_spi gb_vat ge_vat gh_tin gi_tin gn_nif hk_br hr_oib hu_tin "
    "ic_nif id_npwp il_vat in_gst is_kt is_vat it_cf jp_cn jp_rn jp_trn ke_pin kg_tin kh_tin "
    "kr_brn kz_bin la_tin li_uid li_vat lk_vat ma_vat md_cf md_vat me_pib mk_vat mr_nif mu_vat "
    "mx_rfc my_frp my_itn my_sst mz_nuit ng_tin no_vat no_voec np_pan nz_bn nz_gst om_vat pe_ruc "
    "ph_tin pl_nip pt_nif py_ruc ro_tin rs_pib ru_inn ru_kpp sa_vat sg_gst sg_uen si_tin sm_coe "
    "sn_ninea sr_fin sv_nit th_vat tj_tin tr_tin tt_bir tt_vat tw_vat tz_vat ua_vat ug_tin us_ein "
    "uy_ruc uz_tin uz_vat ve_rif vn_tin za_vat zm_tin zw_tin"
)
TAX_ID_FORMS = {
    "eu_vat": r"ATU\d{8}|DE\d{9}|EL\d{9}|FR[0-9A-Z]{2}\d{9}|NL\d{9}B\d\d|XI\d{9}"
    r"|(?!AT|DE|EL|FR|NL|XI)[A-Z]{2}[0-9A-Z]{8,12}",
    "gb_vat": r"GB(\d{9}|\d{12})",
    "us_ein": r"\d\d-\d{7}",
}
"""The forms of ids of some types. Stripe knows one for most of them."""


@dataclass(slots=True)
class BaseApi:
    """What all endpoints share. One request uses it, inside one transaction of the store.

    `request` is what events say about the request that caused them. Every endpoint returns the
    body of the response, and raises ApiError.
    """

    store: Store
    public_url: str
    request: Object = field(default_factory=lambda: {"id": None, "idempotency_key": None})

    def _now(self) -> int:
        return int(self.store.now())

    def _customer(self, customer_id: str, param: str) -> Object:
        customer = self.store.get("customer", customer_id)
        if customer is None:
            raise missing("customer", customer_id, param)
        return customer

    def _record_event(self, event_type: str, subject: Object) -> Object:
        """Create an event about `subject` and enqueue its delivery. Returns `subject`."""
        event = shapes.event(new_id("evt"), self._now(), event_type, subject, self.request)
        self.store.add(event)
        self.store.enqueue_delivery(event["id"])
        return subject

    def _page(self, items: list[Object], params: Params, url: str) -> Object:
        """Return the page of the list that follows the cursor.

        Lists contain everything that an earlier response has confirmed, as Stripe's lists do.
        """
        limit = integer(params, "limit", 10) or 0
        if not 1 <= limit <= 100:
            raise invalid("This value must be between 1 and 100.", "limit")
        since = integer(params.get("created") or {}, "gte", 0) or 0
        items = [item for item in items if item.get("created", since) >= since]
        if cursor := params.get("starting_after"):
            ids = [item["id"] for item in items]
            if cursor not in ids:
                raise missing("object", cursor, "starting_after")
            items = items[ids.index(cursor) + 1 :]
        return shapes.listing(items[:limit], url, has_more=len(items) > limit)


class CustomerApi(BaseApi):
    """The endpoints of customers and their tax ids."""

    def create_customer(self, params: Params) -> Object:
        customer = shapes.customer(new_id("cus"), self._now(), **_customer_fields(params))
        return self._record_event("customer.created", self.store.add(customer))

    def update_customer(self, params: Params, customer_id: str) -> Object:
        customer = self._customer(customer_id, "id")
        fields = _customer_fields(params)
        for name in ("address", "invoice_settings"):
            if fields.get(name):  # Only what is named is changed.
                fields[name] = (customer[name] or {}) | fields[name]
        return self._record_event("customer.updated", self.store.save(customer | fields))

    def retrieve_customer(self, params: Params, customer_id: str) -> Object:
        reject_unknown(params)
        return self._customer(customer_id, "id")

    def list_customers(self, params: Params) -> Object:
        reject_unknown(params, "email", *PAGING)
        filters = {"email": params["email"]} if "email" in params else {}
        newest_first = self.store.all("customer", **filters)[::-1]
        return self._page(newest_first, params, "/v1/customers")

    def list_tax_ids(self, params: Params, customer_id: str) -> Object:
        reject_unknown(params, *PAGING)
        customer = self._customer(customer_id, "id")
        newest_first = self.store.all("tax_id", customer=customer["id"])[::-1]
        return self._page(newest_first, params, f"/v1/customers/{customer_id}/tax_ids")

    def create_tax_id(self, params: Params, customer_id: str) -> Object:
        reject_unknown(params, "type", "value")
        customer = self._customer(customer_id, "id")
        kind, value = required(params, "type"), required(params, "value")
        if kind not in TAX_ID_TYPES.split():
            raise invalid(f"Invalid type: {kind}", "type")
        if not re.fullmatch(TAX_ID_FORMS.get(kind, ".+"), value):
            raise invalid(f"Invalid value for {kind}.", "value", "tax_id_invalid", is_stored=True)
        if len(self.store.all("tax_id", customer=customer["id"])) >= MAX_TAX_IDS:
            raise invalid(f"A customer has at most {MAX_TAX_IDS} tax IDs.")
        tax_id = shapes.tax_id(new_id("txi"), self._now(), customer, type=kind, value=value)
        return self._record_event("customer.tax_id.created", self.store.add(tax_id))

    def delete_tax_id(self, params: Params, customer_id: str, tax_id: str) -> Object:
        reject_unknown(params)
        found = self.store.get("tax_id", tax_id)
        if found is None or found["customer"] != self._customer(customer_id, "id")["id"]:
            raise missing("tax_id", tax_id)
        self.store.delete(tax_id)
        self._record_event("customer.tax_id.deleted", found)
        return {"id": tax_id, "object": "tax_id", "deleted": True}


def check_custom_fields(params: Params) -> None:
    """Raise ApiError unless the custom fields, if there are any, are as Stripe takes them."""
    fields = params.get("custom_fields") or []
    if not isinstance(fields, list) or len(fields) > MAX_CUSTOM_FIELDS:
        raise invalid(f"At most {MAX_CUSTOM_FIELDS} custom fields are allowed.", "custom_fields")
    for item in fields:
        reject_unknown(item, "name", "value")
        for name, longest in (("name", MAX_FIELD_NAME), ("value", MAX_FIELD_VALUE)):
            if len(required(item, name)) > longest:
                raise invalid(f"Invalid string: at most {longest} characters.", "custom_fields")


def _customer_fields(params: Params) -> Object:
    """Return the fields that the parameters set: an empty text sets null. Raises ApiError."""
    reject_unknown(params, *CUSTOMER_PARAMS)
    fields: Object = {name: value or None for name, value in params.items() if name != "metadata"}
    if "metadata" in params:
        fields["metadata"] = params["metadata"]
    for name, longest in (("name", MAX_NAME), ("email", MAX_EMAIL)):
        if len(fields.get(name) or "") > longest:
            raise invalid(f"Invalid string: at most {longest} characters.", name)
    if fields.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", fields["email"]):
        raise invalid(f"Invalid email address: {fields['email']}", "email", "email_invalid")
    if fields.get("address"):
        reject_unknown(fields["address"], *ADDRESS_PARAMS)
        fields["address"] = {part: text or None for part, text in fields["address"].items()}
        country = fields["address"].get("country")
        if country and not re.fullmatch("[A-Z]{2}", country):
            raise invalid(f"Country '{country}' is unknown.", "address[country]")
    if fields.get("invoice_settings"):
        reject_unknown(fields["invoice_settings"], "custom_fields")
        check_custom_fields(fields["invoice_settings"])
        custom_fields = fields["invoice_settings"].get("custom_fields") or None
        fields["invoice_settings"] = {"custom_fields": custom_fields}
    return fields
