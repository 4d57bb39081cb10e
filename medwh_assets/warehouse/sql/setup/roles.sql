-- The three roles, for the whole server. Nothing is changed that is there already.
do $$
begin
    if not exists (select from pg_roles where rolname = 'medwh_loader') then
        create role medwh_loader nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'medwh_transformer') then
        create role medwh_transformer nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'medwh_api') then
        create role medwh_api login;
    end if;
end
$$;
grant medwh_loader, medwh_transformer to {login};
alter role medwh_api set default_transaction_read_only = on;
alter role medwh_api set statement_timeout = '2s';
