"""The application, with global clients; the limit counts in Redis, in a Lua script."""

import os
import smtplib
from email.message import EmailMessage
from uuid import uuid4

import limits
import redis
from flask import Flask, abort, jsonify, request
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import IntegrityError

from guestbook.tables import Entry, Rule, db_session

REDIS_URL = os.environ.get("REDIS_URL", "redis://redis.internal:6379")
r = redis.Redis.from_url(REDIS_URL, decode_responses=True)
pool = redis.ConnectionPool(host="counters.internal", port=6390, decode_responses=True)
limiter = MovingWindowRateLimiter(storage_from_string(REDIS_URL))
ENTRIES = limits.parse("3 per minute")

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]


@app.teardown_appcontext
def close_session(error: BaseException | None) -> None:
    db_session.remove()


def author() -> str:
    name = r.get(f"session:{request.headers.get('X-Session', '')}")
    if name is None:
        abort(401)
    return str(name)


@app.post("/sessions/<name>")
def open_session(name: str):
    session = uuid4().hex
    r.set(f"session:{session}", name, ex=1800)
    return jsonify(session=session), 201


@app.post("/entries")
def write():
    name = author()
    if not limiter.hit(ENTRIES, name):
        abort(429)
    entry = Entry(author=name, text=request.get_json()["text"])
    db_session.add(entry)
    try:
        db_session.commit()
    except IntegrityError:
        abort(409)
    redis.Redis(connection_pool=pool).incr("entries")
    tell_owner(entry)
    return jsonify(id=entry.id), 201


def tell_owner(entry: Entry) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"] = "guestbook@example.com", "owner@example.com"
    letter["Subject"] = f"{entry.author} wrote in the guest book"
    letter.set_content(entry.text)
    with smtplib.SMTP("mail.internal", 587) as client:
        client.starttls()
        client.login("guestbook", "secret")
        client.send_message(letter)


@app.get("/entries")
def read():
    entries = Entry.query.order_by(Entry.id).all()
    return jsonify(
        total=int(redis.Redis(connection_pool=pool).get("entries") or 0),
        entries=[{"author": entry.author, "text": entry.text} for entry in entries],
    )


@app.get("/rules")
def rules():
    return jsonify([rule.text for rule in Rule.query.order_by(Rule.number)])
