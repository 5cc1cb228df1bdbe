"""What in a text of a scan points at a person: a name or an id, or the day on which somebody was born or scanned."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
# In text without digits around it.
_DATES = (
    # 2008-02-26 and 2008_2_6, 20080226 and the same with a time of day behind it.
    rf"{_YEAR}([-./_]){_DAY}\1{_DAY}",
    rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{{4,}})?",
    # 2/26/2008 as LONI has it, 26.2.2008, 02262008; and of two digits for the year 2/26/08 and 26.02.08.
    rf"{_DAY}([-./_]){_DAY}\2{_YEAR}",
    rf"(?:0[1-9]|[12]\d|3[01]){{2}}{_YEAR}",
    rf"{_DAY}/{_DAY}/\d\d",
    r"(?:0[1-9]|[12]\d|3[01])([-.])(?:0[1-9]|[12]\d|3[01])\3\d\d",
    # 26 Feb 2008, 26-FEB-08, February 26, 2008, and Feb 2008.
    rf"{_DAY}(?:st|nd|rd|th)?[ ._-]*{_MONTH}[ .,_-]*(?:{_YEAR}|\d\d)",
    rf"(?<![a-z]){_MONTH}[ ._-]*(?:{_DAY}(?:st|nd|rd|th)?[ .,_-]+)?{_YEAR}",
)
# A subject of ADNI: 137_S_1414.
_SUBJECT = r"\d{3}[_ -]?S[_ -]?\d{4,6}"
_IDENTIFYING = re.compile(rf"(?<!\d)(?:{'|'.join((*_DATES, _SUBJECT))})(?!\d)", re.IGNORECASE)

_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName")
_KEYS = (
    *_NAMES, "PatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers",
    "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "RequestingPhysician", "OperatorsName",
)  # fmt: skip
_LONG = 4
_SHORT = 2
_MAX_LENGTH = 200
_NO_WORDS: frozenset[str] = frozenset()


def words_of_persons(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the words by which a sidecar that was not cleaned names its patient or staff, in small letters.

    Words of four letters or digits and more, and shorter ones of letters in a patient's name.

    >>> sorted(words_of_persons({"PatientName": "Lee^Jonathan", "PatientID": "P-0042", "Manufacturer": "Siemens"}))
    ['0042', 'jonathan', 'lee']
    """
    return frozenset(
        word
        for key in _KEYS
        for text in _strings(document.get(key))
        for word in _words(text)
        if len(word) >= _LONG or (key in _NAMES and len(word) >= _SHORT and word.isalpha())
    )


def is_personal(text: str, persons: frozenset[str] = _NO_WORDS) -> bool:
    """Tell whether text holds a date, an id of a subject, or a word of a person's; short words count as a whole.

    >>> is_personal("T1 2/26/2008"), is_personal("MPRAGE GRAPPA2"), is_personal("T1 of Lee", frozenset({"lee"}))
    (True, False, True)
    """
    if _IDENTIFYING.search(text):
        return True
    words = _words(text) if persons else ()
    folded = text.casefold()
    return any(person in (folded if len(person) >= _LONG else words) for person in persons)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.casefold()) if word]


def _strings(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str | int):
            yield str(item)[:_MAX_LENGTH] if isinstance(item, str) or abs(item) < 10**18 else ""
