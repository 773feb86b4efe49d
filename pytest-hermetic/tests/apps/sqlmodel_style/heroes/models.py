"""Tables, which are the schemas too."""

from datetime import datetime

from sqlalchemy import DateTime, func
from sqlmodel import Field, Relationship, SQLModel

__all__ = ["Hero", "HeroIn", "SQLModel", "Team"]


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    heroes: list["Hero"] = Relationship(back_populates="team")


class HeroIn(SQLModel):
    name: str = Field(min_length=1, max_length=50)
    age: int | None = Field(default=None, ge=0)
    team_id: int | None = Field(default=None, foreign_key="team.id")


class Hero(HeroIn, table=True):
    id: int | None = Field(default=None, primary_key=True)
    joined_at: datetime | None = Field(
        default=None,
        sa_type=DateTime,
        sa_column_kwargs={"server_default": func.now(), "nullable": False},
    )
    team: Team | None = Relationship(back_populates="heroes")
