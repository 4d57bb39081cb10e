select user_id
from ops.telegram_sessions
where session = %(session)s
