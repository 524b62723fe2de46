"""${message}.

While this runs, the previous release is still at work on the same tables, and its replicas stay for minutes
afterwards. So each step must suit both: add a column nullable or with a constant default, fill it later and in
batches, make it NOT NULL one release after; rename or remove only what no running release reads. Build an
index on a table that grows CONCURRENTLY, in a migration of its own. Locks are waited for 5 s and statements
may take 120 s (env.py): what needs longer is cut into smaller pieces.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
