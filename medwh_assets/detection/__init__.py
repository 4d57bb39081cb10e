"""What is seen on pictures: Ultralytics inference, its cache, and a slice's detection rows.

Only this room knows ultralytics, torch and numpy, and imports them when the first picture is
looked at. How a picture is opened safely (`lake.images`), what a class means to the warehouse
(a dbt seed) and how rows reach PostgreSQL do not belong here.
"""
