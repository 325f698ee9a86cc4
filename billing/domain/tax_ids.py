"""Which type of tax id a text is, as the payment provider names types.

The provider checks the form of an id by its type. A country can have several types, and the
provider cannot be told "some tax id": an id of no type below is printed on its invoices as text.
"""

import re

EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
VAT_PREFIXES = {"GR": "EL"}
"""Prefixes of VAT numbers that are not the country's code."""

# By country: each type with the form of its ids, without spaces, dots, dashes and slashes. As of
# the provider's API 2026-10-28. Left out are the countries that are not here at all, and the ids of
# persons and of single provinces.
TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "AE": (("ae_trn", r"\d{15}"),),
    "AU": (("au_abn", r"\d{11}"),),
    "BR": (("br_cnpj", r"[0-9A-Z]{12}\d\d"),),
    "CA": (("ca_gst_hst", r"\d{9}RT\d{4}"), ("ca_bn", r"\d{9}")),
    "CH": (("ch_vat", r"CHE\d{9}(MWST|TVA|IVA)"), ("ch_uid", r"CHE\d{9}")),
    "CL": (("cl_tin", r"\d{7,8}[\dK]"),),
    "CN": (("cn_tin", r"[0-9A-Z]{15,20}"),),
    "DE": (("de_stn", r"\d{10,11}"),),
    "ES": (("es_cif", r"[A-Z]\d{7}[0-9A-Z]"),),
    "GB": (("gb_vat", r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})"), ("eu_vat", r"XI\d{9}(\d{3})?")),
    "HK": (("hk_br", r"\d{8}"),),
    "ID": (("id_npwp", r"\d{15,16}"),),
    "IL": (("il_vat", r"\d{9}"),),
    "IN": (("in_gst", r"\d\d[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]"),),
    "IS": (("is_vat", r"\d{5,6}"),),
    "JP": (("jp_trn", r"T\d{13}"), ("jp_cn", r"\d{13}"), ("jp_rn", r"\d{5}")),
    "KR": (("kr_brn", r"\d{10}"),),
    "LI": (("li_uid", r"CHE\d{9}"), ("li_vat", r"\d{5}")),
    "MX": (("mx_rfc", r"[A-ZÑ&]{3,4}\d{6}[0-9A-Z]{3}"),),
    "NO": (("no_vat", r"\d{9}MVA"),),
    "NZ": (("nz_gst", r"\d{8,9}"),),
    "SA": (("sa_vat", r"\d{15}"),),
    "SG": (("sg_gst", r"M\d{8}[A-Z]"), ("sg_uen", r"\d{8,9}[A-Z]|[TSR]\d\d[A-Z]{2}\d{4}[A-Z]")),
    "TH": (("th_vat", r"\d{13}"),),
    "TR": (("tr_tin", r"\d{10}"),),
    "TW": (("tw_vat", r"\d{8}"),),
    "UA": (("ua_vat", r"\d{12}"),),
    "US": (("us_ein", r"\d{9}"),),
    "ZA": (("za_vat", r"4\d{9}"),),
}


def provider_tax_id(country: str, tax_id: str) -> tuple[str, str] | None:
    """Return type and value of a tax id as the provider takes it, or None if no type fits.

    `country` is the ISO code of the billing address. Spaces, dots, dashes and slashes are dropped.
    """
    value = re.sub(r"[\s./-]", "", tax_id).upper()
    if country and country in EU.split():
        prefix = VAT_PREFIXES.get(country, country)
        if re.fullmatch(rf"{prefix}[0-9A-Z+*]{{8,12}}", value):
            return "eu_vat", value
    for name, form in TYPES.get(country, ()):
        if re.fullmatch(form, value):
            if name == "us_ein":
                value = f"{value[:2]}-{value[2:]}"
            return name, value
    return None
