"""Find history by time, author and kind."""

from alembic import op

revision = "20261120_2310"
down_revision = "20261120_2220"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_changes_at", "changes", ["at"])
    op.create_index("ix_changes_by_position", "changes", ["by", "position"])
    op.create_index("ix_changes_change_kind_position", "changes", ["change_kind", "position"])
    op.create_index("ix_evaluations_at", "evaluations", ["at"])


def downgrade() -> None:
    op.drop_index("ix_evaluations_at", "evaluations")
    op.drop_index("ix_changes_change_kind_position", "changes")
    op.drop_index("ix_changes_by_position", "changes")
    op.drop_index("ix_changes_at", "changes")
