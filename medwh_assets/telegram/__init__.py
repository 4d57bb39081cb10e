"""Where posts come from: message sources, and the assets that read them into the lake.

`telethon_source` reads live channels over one account, `recorded_source` the bundled sample,
`login` is for a person at a prompt. Telethon is imported here and nowhere else, inside functions,
so that nothing waits for it that reads no live channel. What is done with a post afterwards lives
in other rooms, what is remembered of an account in the warehouse.
"""
