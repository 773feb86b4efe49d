"""The application, in the style of the SQLModel tutorial: a file beside the code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cachetools import TTLCache, cached
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, create_engine, func, select

from heroes.models import Hero, HeroIn, Team

sqlite_file = Path(__file__).with_name("database.db")
engine = create_engine(f"sqlite:///{sqlite_file}", connect_args={"check_same_thread": False})


@event.listens_for(engine, "connect")
def enforce_foreign_keys(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


app = FastAPI()
counted: TTLCache[str, int] = TTLCache(maxsize=10, ttl=60)


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Database = Annotated[Session, Depends(get_session)]


@cached(counted, key=lambda: "heroes")
def count_heroes() -> int:
    with Session(engine) as session:
        return session.exec(select(func.count()).select_from(Hero)).one()


@app.post("/teams/{name}", status_code=201)
def found_team(name: str, session: Database) -> Team:
    team = Team(name=name)
    session.add(team)
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409, "There is such a team") from None
    session.refresh(team)
    return team


@app.post("/heroes", status_code=201)
def create_hero(body: HeroIn, session: Database) -> Hero:
    hero = Hero.model_validate(body)
    session.add(hero)
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(422, "There is no such team") from None
    session.refresh(hero)
    return hero


@app.get("/heroes")
def list_heroes(session: Database, offset: int = 0, limit: int = 100) -> list[Hero]:
    return list(session.exec(select(Hero).order_by(Hero.id).offset(offset).limit(limit)))


@app.get("/teams/{team_id}/heroes")
def heroes_of(team_id: int, session: Database) -> list[str]:
    team = session.get(Team, team_id)
    if team is None:
        raise HTTPException(404, "There is no such team")
    return sorted(hero.name for hero in team.heroes)


@app.delete("/heroes/{hero_id}", status_code=204)
def delete_hero(hero_id: int, session: Database) -> None:
    hero = session.get(Hero, hero_id)
    if hero is None:
        raise HTTPException(404, "There is no such hero")
    session.delete(hero)
    session.commit()


@app.get("/count")
def count() -> int:
    """How many heroes there are; up to a minute old."""
    return count_heroes()
