-- How long this session waits for its turn, and when the server notices that a machine is gone: the
-- turn of one that lost its network goes to the next within two minutes, not two hours.
select
    set_config('lock_timeout', %(milliseconds)s, false) as waits,
    set_config('tcp_keepalives_idle', '60', false) as idle,
    set_config('tcp_keepalives_interval', '10', false) as probes_every,
    set_config('tcp_keepalives_count', '6', false) as probes
