"""一户一档 and 一码: merchants, their dossiers, facilities and care records, their QR codes, and `Standing`.

Never decides how good a merchant is: rooms above write that down into `Standing`.
"""
