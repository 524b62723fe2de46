"""Owns what all answers share."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What all answers share: read from the views by attribute, described by docstrings."""

    model_config = ConfigDict(from_attributes=True, frozen=True, use_attribute_docstrings=True)
