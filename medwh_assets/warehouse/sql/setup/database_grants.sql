-- Who may enter which database: rights that no CREATE DATABASE ... TEMPLATE copies.
revoke all on database {warehouse}, {dagster} from public;
grant connect on database {warehouse} to medwh_api;
grant connect, temporary on database {warehouse} to medwh_loader, medwh_transformer;
