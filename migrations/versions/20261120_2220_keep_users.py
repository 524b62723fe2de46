"""Keep users."""

import sqlalchemy as sa
from alembic import op

revision = "20261120_2220"
down_revision = "20261120_2100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column(
            "epoch", sa.Text(), nullable=False, comment="New with every password and role; ends sessions."
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
        comment="Who may log in. Passwords are not kept, only their Argon2id hashes.",
    )


def downgrade() -> None:
    op.drop_table("users")
