select content_sha256
from ops.built_content
