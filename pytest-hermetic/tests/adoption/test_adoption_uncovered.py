"""What the plugin does not reach is said, and where; what it does reach is not."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("from motor.motor_asyncio import AsyncIOMotorClient", "motor speaks to MongoDB"),
        ("import coredis", "coredis speaks to Redis by itself"),
        ("from glide import GlideClient", "valkey-glide dials from native code"),
        ("from celery import Celery", "tasks stay in their queue"),
        ("import aio_pika", "aio_pika speaks to RabbitMQ"),
        ("import asyncpg\nasyncpg.create_pool('x')", "asyncpg.create_pool: only connections"),
        ("import sqlite3\nsqlite3.connect('x')", "sqlite3.connect: only connections"),
        ("import boto3", "boto3 calls a cloud service"),
        ("from google.cloud import storage", "google.cloud calls a cloud service"),
        ("from django.db import models", "Django's ORM"),
        (
            "from sqlalchemy import create_engine\ncreate_engine('mysql+pymysql://db/app')",
            "an engine of MySQL is refused",
        ),
    ],
)
def test_it_is_named_with_its_place(advice, source, said):
    found = advice({"app/__init__.py": "", "app/outside.py": source}).uncovered
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith("app/outside.py")


@pytest.mark.parametrize(
    "source",
    [
        "import redis.asyncio\nredis.asyncio.from_url('redis://cache')",
        "import valkey\nvalkey.Valkey()",
        "from sqlalchemy import create_engine\ncreate_engine('postgresql+psycopg://db/app')",
        "import smtplib, httpx, json, logging",
    ],
)
def test_what_is_reached_is_not_named(advice, source):
    assert advice({"app/__init__.py": "", "app/inside.py": source}).uncovered == ()


def test_services_that_are_called_by_a_url_are_asked_about(advice):
    source = """
        import httpx

        def pay():
            httpx.post("https://api.resend.com/emails")
            return httpx.post("https://api.payments.example/v1/charges", json={})
    """
    asked = [line for line in advice({"pay.py": source}).unknown if "what answers for" in line]
    assert asked == [
        "pay.py:5  what answers for https://api.payments.example? "
        "hermetic.http.mount it, or it is refused"
    ]


def test_what_only_tests_use_is_not_named(advice):
    assert advice({"main.py": "", "tests/test_it.py": "import boto3\n"}).uncovered == ()
