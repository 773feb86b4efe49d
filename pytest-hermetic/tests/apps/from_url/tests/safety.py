"""The service that knows unsafe pages, as far as this suite needs it."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Page(BaseModel):
    url: str


@app.post("/v1/check")
async def check(page: Page) -> dict[str, bool]:
    return {"safe": "malware" not in page.url}
