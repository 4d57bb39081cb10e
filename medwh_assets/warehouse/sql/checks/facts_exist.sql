select to_regclass('marts.fct_messages') is not null
