"""What a post says: products, prices, attributes, sellers, language and kind, read from its text.

Pure functions of a text, a vocabulary and a pepper live here, and the thin asset around them. A
change of the rules raises `post.GRAMMAR_VERSION`; a change of the vocabulary changes its version;
either makes every slice due again. What depends on other posts (reposts, a channel's boilerplate,
medians) is dbt's. Product names stand in dbt's seeds, rows go to the warehouse through a port.
"""
