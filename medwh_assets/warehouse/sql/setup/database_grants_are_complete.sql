select
    has_database_privilege('medwh_api', %(warehouse)s, 'connect')
    and not has_database_privilege('medwh_api', %(warehouse)s, 'create, temporary')
    and not has_database_privilege('medwh_api', %(dagster)s, 'connect')
    and has_database_privilege('medwh_loader', %(warehouse)s, 'temporary')
    and has_database_privilege('medwh_transformer', %(warehouse)s, 'temporary')
