"""How other people's data comes into the lake, whatever shape their scripts left it in.

An importer turns a foreign shape into posts made from one reading each and leaves everything else
to the lake. Nothing here talks to Telegram or to a database.
"""
