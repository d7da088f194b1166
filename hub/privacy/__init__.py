"""What the hub holds of a person: told (:func:`export`) and erased (:func:`erase`).

Each app says for its rows how, in ``personal_data.py``, which the hub finds as Django finds ``admin.py``;
``parts`` has what they register, ``engine`` has what the engine itself holds.
"""

from hub.privacy.admin_log import take_names_out
from hub.privacy.erasing import erase, erase_all
from hub.privacy.exporting import export
from hub.privacy.parts import ERASED_NAME, PersonalData, are_texts_removed, erased_texts, register

__all__ = [
    "ERASED_NAME",
    "PersonalData",
    "are_texts_removed",
    "erase",
    "erase_all",
    "erased_texts",
    "export",
    "register",
    "take_names_out",
]
