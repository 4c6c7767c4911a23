"""What texts look like that are no numbers and no categories either: dates, and numbers with separated thousands.

Regular expressions for Polars.
"""

_YEAR = r"(\d{4}|\d{2})"
_MONTH = "(?i:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\\.?"
_FORMS = (  # 2020-01-31, 31.1.20, 31 Jan 2020, January 31, 2020
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}",
    rf"\d{{1,2}}[-/.]\d{{1,2}}[-/.]{_YEAR}",
    rf"\d{{1,2}}[-. ]+{_MONTH}[-, ]+{_YEAR}",
    rf"{_MONTH} \d{{1,2}},? \d{{4}}",
)
DATE = rf"^({'|'.join(_FORMS)})([T ].*)?$"
PLAIN_DATE = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"  # 20200131, which is a number too
THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"  # 1,234
_GROUPS = (r"(,\d{3})+(\.\d+)?", r"(\.\d{3})+(,\d+)?", r"([ '’\u00a0\u202f]\d{3})+([.,]\d+)?")  # 1,234.5 1.234,5 1 234
GROUPED = rf"^[+-]?\d{{1,3}}({'|'.join(_GROUPS)})$"
LEADING_ZERO = r"^0\d+$"  # 00037, a code rather than a number
