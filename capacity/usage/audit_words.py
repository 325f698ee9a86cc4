"""The words of the audit entries about usage."""

from accounts.queries.audit_words import FieldWords, register_actions, register_fields
from common.texts import counted

register_actions(
    "Usage",
    {
        "usage_alerts.set": ("Alert rules set", "Set the rules of usage alerts"),
        "usage_mails.set": (
            "Emails about usage set",
            "Set the emails about usage that {subject} gets",
        ),
    },
)
register_fields(
    {
        "utilisation_percent": FieldWords("Utilisation above", lambda value: f"{value}%"),
        "windows_in_a_row": FieldWords("For windows in a row"),
        "exhausted_windows": FieldWords(
            "Exhausted windows of a day", lambda value: counted(int(value), "window")
        ),
        "idle_days": FieldWords("Units unused for", lambda value: counted(int(value), "day")),
        "usage_summary": FieldWords("Weekly summary"),
        "usage_alerts": FieldWords("Alerts"),
    }
)
