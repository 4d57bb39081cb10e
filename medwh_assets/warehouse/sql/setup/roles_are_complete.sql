-- Are the roles as roles.sql makes them, and may this login act as the two that write?
select
    count(*) = 3
    and bool_and(
        pg_roles.rolname = 'medwh_api' or pg_has_role(current_user, pg_roles.oid, 'usage')
    )
    and bool_or(
        pg_roles.rolname = 'medwh_api'
        and pg_roles.rolcanlogin
        and exists (
            select
            from pg_db_role_setting
            where
                pg_db_role_setting.setrole = pg_roles.oid
                and pg_db_role_setting.setdatabase = 0
                and pg_db_role_setting.setconfig
                @> array['default_transaction_read_only=on', 'statement_timeout=2s']
        )
    )
from pg_roles
where pg_roles.rolname in ('medwh_loader', 'medwh_transformer', 'medwh_api')
