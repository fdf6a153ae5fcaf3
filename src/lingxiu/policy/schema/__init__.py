"""The shape of every catalogue, a module each. A county's folder is read into `Catalogues` or refused with the field, the value
and the mend.

Every rule has an id, a label in both languages, its bases, and the days from and to which it holds.
"""
