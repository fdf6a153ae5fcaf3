"""Facts of China that any room may ask for: working days, coordinates, numbers with check digits, pinyin.

Plain functions over plain values. No Django, no database, no clock, no translation: errors carry facts and the edges
word them.
"""
