select max(cools_until)
from ops.telegram_cooldowns
where
    account = %(account)s
    and realm = %(realm)s
