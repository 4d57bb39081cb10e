"""How other people's data comes into the lake, whatever shape their scripts left it in.

    opening        a path: unpacked if it is an `archive`, then looked at
    survey         what is there: `source_file` reads each file through, `pictures` lists images,
                   `channel_names` and `chat_names` decide whose posts they are
    reading        a file again, record by record, into posts: `desktop_export`, `telethon_dump`,
                   `csv_dump` and `spellings` know one shape each
    intake         posts into the lake, by way of the `spool`; `image_intake` their images;
                   `refusals` to the quarantine; `summary` what came of it
    medwh_export   what `medwh export` wrote, and `medwh_restore` it into a lake

Below them `dump_file` makes records of a file by `text_stream` and `json_stream`. A shape turns
records into posts made from one reading each and leaves everything else to the lake. Nothing here
talks to Telegram or to a database, and no input, however damaged, ends in anything but a summary
or an `ImportShapeError`.
"""
