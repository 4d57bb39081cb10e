"""Where posts come from: message sources, and the assets that read them into the lake.

The recorded source lives here, beside which the live one will stand; telethon may be imported here
and nowhere else. What is done with a post afterwards lives in other rooms.
"""
