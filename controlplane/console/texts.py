"""Owns how texts reach a person: every one of them passes here, so that a catalogue can translate it.

There is no catalogue yet: English in, English out. Data (names, reasons, sentences of the application) is not
translated.
"""

from gettext import NullTranslations

_catalogue = NullTranslations()

gettext = _catalogue.gettext
ngettext = _catalogue.ngettext
